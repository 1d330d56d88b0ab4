/**
 * Elections (thesis §3.4, §3.6.1): pre-vote (§9.6), vote, and what winning brings.
 *
 * Two rules go beyond the thesis, because a crash may come at any time. A candidate leads only once its own vote is
 * durable: otherwise it could forget the term, win it a second time and write other entries under the same index and
 * term. And its requests for real votes claim only what a crash cannot take from its log: they either wait for the
 * write, or, with asynchronous storage, name the last durable entry.
 *
 * @module
 */
import { memberIds, voterIds } from "./membership.ts";
import { type EntryId, NOBODY, type VoteRequest, type VoteResponse } from "./message.ts";
import type { CampaignRefusal, DropReason } from "./outcome.ts";
import { Progress } from "./progress.ts";
import { jointVote } from "./quorum.ts";
import { ReadQueue } from "./read_queue.ts";
import { appendAsLeader, broadcastAppend } from "./replication.ts";
import {
  becomeFollower,
  type Candidate,
  enterTerm,
  isPromotable,
  type Leader,
  type RaftState,
  send,
  sendAfterWrite,
} from "./state.ts";

/** One tick of a member that does not lead. */
export function tickElection(r: RaftState): void {
  r.electionElapsed++;
  if (r.electionElapsed < r.patienceTicks || !isPromotable(r)) return;
  r.electionElapsed = 0;
  campaign(r, false);
}

/** Starts an election; `transfer` if the leader asked for it, which then needs no pre-vote. */
export function campaign(r: RaftState, transfer: boolean): CampaignRefusal | undefined {
  if (r.role.kind === "leader") return "already-leader";
  if (!isPromotable(r)) return "not-promotable";
  if (hasUnappliedConfChange(r)) return "change-unapplied";
  if (r.config.preVote && !transfer) {
    becomePreCandidate(r);
    requestVotes(r, "pre-vote", r.term + 1, false);
  } else {
    becomeCandidate(r);
    requestVotes(r, "vote", r.term, transfer);
  }
  return undefined;
}

/** Asks a quorum whether it would vote, without disturbing anybody: term and vote stay. */
function becomePreCandidate(r: RaftState): void {
  r.role = { kind: "pre-candidate", votes: new Map() };
  r.lead = NOBODY;
}

function becomeCandidate(r: RaftState): void {
  r.electionsStartedCount++;
  enterTerm(r, r.term + 1);
  const { electionTicks, retryTicks = electionTicks } = r.config;
  r.patienceTicks = retryTicks + (r.patienceTicks - electionTicks) % retryTicks;
  r.role = { kind: "candidate", votes: new Map() };
  r.vote = r.config.id;
}

function becomeLeader(r: RaftState): Leader {
  const { id, maxPendingReadsCount } = r.config;
  const last = r.log.lastIndex();
  const peers = new Map<number, Progress>();
  for (const member of memberIds(r.membership)) peers.set(member, new Progress(last + 1, member === id, r.config));
  const own = peers.get(id);
  own?.advanceTo(last);
  own?.becomeReplicate();
  const leader: Leader = {
    kind: "leader",
    peers,
    reads: new ReadQueue(id, maxPendingReadsCount),
    heartbeatElapsed: 0,
    // There may be a membership change anywhere in the log: none is proposed before all of it is applied.
    pendingConfIndex: last,
    uncommittedBytes: 0,
    transfer: undefined,
  };
  enterTerm(r, r.term);
  r.electionsWonCount++;
  r.role = leader;
  r.lead = id;
  return leader;
}

/** A committed membership change that is not applied: this member might count the wrong quorum. */
function hasUnappliedConfChange(r: RaftState): boolean {
  const end = r.log.committed + 1;
  let low = r.log.applied + 1;
  while (low < end) {
    const entries = r.log.slice(low, end, r.config.maxApplyingBytes) ?? [];
    if (entries.length === 0 || entries.some((entry) => entry.type !== "normal")) return true;
    low += entries.length;
  }
  return false;
}

function requestVotes(r: RaftState, kind: VoteRequest["kind"], term: number, transfer: boolean): void {
  const { id, asyncStorageWrites } = r.config;
  const last = asyncStorageWrites ? r.log.lastStableId() : r.log.lastId();
  const post = kind === "vote" && !asyncStorageWrites ? sendAfterWrite : send;
  for (const to of voterIds(r.membership)) {
    if (to === id) respond(r, id, kind, term, true);
    else post(r, { kind, from: id, to, term, lastIndex: last.index, lastTerm: last.term, transfer });
  }
}

/**
 * Answers a candidate (thesis §3.6.1). At most one vote per term, only for a log that is at least as complete, and not
 * while a leader is known. Learners answer too: they may have been promoted without knowing it yet.
 */
export function answerVoteRequest(r: RaftState, m: VoteRequest): DropReason | undefined {
  const free = r.vote === m.from || (r.vote === NOBODY && r.lead === NOBODY) ||
    (m.kind === "pre-vote" && m.term > r.term);
  const granted = free && r.log.isUpToDate({ term: m.lastTerm, index: m.lastIndex });
  refuseOrGrant(r, m, granted);
  if (granted && m.kind === "vote") {
    r.electionElapsed = 0;
    r.vote = m.from;
  }
  return undefined;
}

/** Sends the answer: a grant in the term of the request, a refusal in this member's own. */
export function refuseOrGrant(r: RaftState, { from, kind, term }: VoteRequest, granted: boolean): void {
  respond(r, from, kind, granted ? term : r.term, granted);
}

function respond(r: RaftState, to: number, request: VoteRequest["kind"], term: number, granted: boolean): void {
  const kind = request === "vote" ? "vote-response" : "pre-vote-response";
  sendAfterWrite(r, { kind, from: r.config.id, to, term, granted, commit: r.log.committedId() });
}

/**
 * Learns from a voter what is committed. Without this a leader that is removed could leave a group that elects nobody:
 * it steps down once its removal is committed, before others know; they still need its vote, and it refuses, because
 * its log is longer by entries that nobody else has.
 */
export function learnCommit(r: RaftState, commit: EntryId): void {
  if (commit.index <= r.log.committed || !r.log.holds(commit)) return;
  r.log.commitTo(commit.index);
  if (r.role.kind !== "leader" && r.role.kind !== "follower" && hasUnappliedConfChange(r)) {
    becomeFollower(r, r.term, NOBODY);
  }
}

/** Counts one answer to this member's own campaign. */
export function receiveVote(r: RaftState, candidate: Candidate, m: VoteResponse): void {
  const { votes } = candidate;
  if (!votes.has(m.from)) votes.set(m.from, m.granted);
  switch (jointVote(r.membership, (id) => votes.get(id))) {
    case "won":
      return win(r, candidate);
    case "lost":
      return becomeFollower(r, r.term, NOBODY);
    case "pending":
  }
}

function win(r: RaftState, { kind, votes }: Candidate): void {
  if (kind === "pre-candidate") {
    becomeCandidate(r);
    requestVotes(r, "vote", r.term, false);
  } else if (votes.has(r.config.id)) {
    const leader = becomeLeader(r);
    // An entry of the new term commits everything before it (thesis §3.6.2).
    appendAsLeader(r, leader, [{ type: "normal", data: new Uint8Array(0) }]);
    broadcastAppend(r, leader);
  }
}
