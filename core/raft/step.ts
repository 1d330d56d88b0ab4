/**
 * What a message does: first its term (thesis §3.3), then what is the same in every role, then one function per role.
 *
 * @module
 */
import { receiveAppend, receiveHeartbeat } from "./append.ts";
import { answerVoteRequest, campaign, learnCommit, receiveVote, refuseOrGrant } from "./election.ts";
import {
  type Append,
  type AppendAck,
  type AppendReject,
  type Heartbeat,
  type HeartbeatResponse,
  type InstallSnapshot,
  type Message,
  NOBODY,
  type StorageAppendResponse,
} from "./message.ts";
import type { DropReason, ProposeResult } from "./outcome.ts";
import { propose } from "./proposal.ts";
import { answerConfirmed, requestRead } from "./read_index.ts";
import { entriesApplied, snapshotApplied } from "./reconfigure.ts";
import { receiveAck, receiveHeartbeatResponse, receiveReject } from "./replication.ts";
import { receiveSnapshot } from "./snapshot.ts";
import { becomeFollower, type Candidate, type Leader, type RaftState, sendAfterWrite } from "./state.ts";
import { continueTransfer, transferLeader } from "./transfer.ts";

/** Takes one message that has passed `checkMessage`. */
export function step(r: RaftState, m: Message): DropReason | undefined {
  if (m.term > r.term) {
    const dropped = meetNewerTerm(r, m);
    if (dropped !== undefined) return dropped;
  } else if (m.term < r.term && m.term !== 0) {
    return meetOlderTerm(r, m);
  }
  switch (m.kind) {
    case "vote":
    case "pre-vote":
      return answerVoteRequest(r, m);
    case "storage-append-response":
      return entriesWritten(r, m);
    case "storage-apply-response":
      entriesApplied(r, m);
      return stepWaitingSnapshot(r);
    case "propose":
      return refusalOf(propose(r, m.from, m.entries));
    case "read-index":
      return requestRead(r, m);
    case "transfer-leader":
      return transferLeader(r, m.transferee);
    case "vote-response":
    case "pre-vote-response":
      if (m.commit !== undefined) learnCommit(r, m.commit);
  }
  switch (r.role.kind) {
    case "follower":
      return stepFollower(r, m);
    case "pre-candidate":
    case "candidate":
      return stepCandidate(r, r.role, m);
    case "leader":
      return stepLeader(r, r.role, m);
  }
}

/** A newer term begins here as well, except for questions and answers about a term that nobody has entered. */
function meetNewerTerm(r: RaftState, m: Message): DropReason | undefined {
  if ((m.kind === "vote" || m.kind === "pre-vote") && !m.transfer && hearsLeader(r)) return "leader-alive";
  if (m.kind === "pre-vote" || (m.kind === "pre-vote-response" && m.granted)) return undefined;
  becomeFollower(r, m.term, isFromLeader(m) ? m.from : NOBODY);
  return undefined;
}

/** Whether a campaign is a disturbance (thesis §4.2.3): a quorum may well hear the leader too. */
function hearsLeader(r: RaftState): boolean {
  return r.config.checkQuorum && r.lead !== NOBODY && r.electionElapsed < r.config.electionTicks;
}

/** Old news; but a sender that cannot win or lose an election by itself must learn that its term is over. */
function meetOlderTerm(r: RaftState, m: Message): DropReason {
  const { config, term } = r;
  switch (m.kind) {
    case "append":
    case "heartbeat":
      // This member may have raised its term alone, and without pre-vote nobody else would: make the leader notice.
      if (config.checkQuorum || config.preVote) {
        sendAfterWrite(r, { kind: "append-ack", from: config.id, to: m.from, term, index: 0 });
      }
      break;
    case "pre-vote":
      refuseOrGrant(r, m, false);
      break;
    case "storage-append-response":
      // Entries may have been replaced since; a snapshot may not.
      if (m.snapshot !== undefined) snapshotApplied(r, m.snapshot);
  }
  return "stale-term";
}

function entriesWritten(r: RaftState, m: StorageAppendResponse): undefined {
  if (m.lastIndex !== 0) r.log.unstable.stableTo(m.lastIndex, m.lastTerm);
  if (m.snapshot !== undefined) snapshotApplied(r, m.snapshot);
}

/** The snapshot that came meanwhile, if all that was handed out is applied by now. */
function stepWaitingSnapshot(r: RaftState): DropReason | undefined {
  const m = r.waitingSnapshot;
  if (m === undefined || r.log.applied < r.log.applying) return undefined;
  r.waitingSnapshot = undefined;
  return step(r, m);
}

function stepFollower(r: RaftState, m: Message): DropReason | undefined {
  switch (m.kind) {
    case "append":
    case "heartbeat":
    case "snapshot":
      r.electionElapsed = 0;
      r.lead = m.from;
      return receiveFromLeader(r, m);
    case "timeout-now":
      return campaign(r, true) === undefined ? undefined : "not-expected";
    case "read-index-response":
      r.readStates.push({ index: m.index, context: m.context });
      return undefined;
    default:
      return "not-expected";
  }
}

function stepCandidate(r: RaftState, candidate: Candidate, m: Message): DropReason | undefined {
  switch (m.kind) {
    case "append":
    case "heartbeat":
    case "snapshot":
      // Somebody else won this term.
      becomeFollower(r, r.term, m.from);
      return receiveFromLeader(r, m);
    case "vote-response":
    case "pre-vote-response":
      if (m.kind !== `${candidate.kind === "candidate" ? "" : "pre-"}vote-response`) return "not-expected";
      return void receiveVote(r, candidate, m);
    default:
      return "not-expected";
  }
}

function stepLeader(r: RaftState, leader: Leader, m: Message): DropReason | undefined {
  switch (m.kind) {
    case "append-ack":
    case "append-reject":
    case "heartbeat-response":
      return stepProgress(r, leader, m);
    case "append":
    case "heartbeat":
    case "snapshot":
      return "second-leader";
    default:
      return "not-expected";
  }
}

function stepProgress(
  r: RaftState,
  leader: Leader,
  m: AppendAck | AppendReject | HeartbeatResponse,
): DropReason | undefined {
  const progress = leader.peers.get(m.from);
  if (progress === undefined) return "unknown-peer";
  switch (m.kind) {
    case "append-ack": {
      const dropped = receiveAck(r, leader, progress, m);
      if (dropped === undefined) continueTransfer(r, leader, m.from);
      return dropped;
    }
    case "append-reject":
      return void receiveReject(r, leader, progress, m);
    case "heartbeat-response":
      receiveHeartbeatResponse(r, leader, progress, m);
      return void answerConfirmed(r, leader);
  }
}

function receiveFromLeader(r: RaftState, m: Append | Heartbeat | InstallSnapshot): DropReason | undefined {
  switch (m.kind) {
    case "append":
      return receiveAppend(r, m);
    case "heartbeat":
      return receiveHeartbeat(r, m);
    case "snapshot":
      return receiveSnapshot(r, m);
  }
}

function isFromLeader(m: Message): boolean {
  return m.kind === "append" || m.kind === "heartbeat" || m.kind === "snapshot";
}

function refusalOf(result: ProposeResult): DropReason | undefined {
  return result.kind === "refused" ? result.why : undefined;
}
