/**
 * The leader's half of log replication (thesis §3.5, §3.6.2): appending, sending, counting what is durable where.
 *
 * @module
 */
import type { Entry } from "../seams/log_store.ts";
import { entriesBytes, payloadBytes } from "./entry_size.ts";
import type { AppendAck, AppendReject, HeartbeatResponse, ProposedEntry } from "./message.ts";
import type { DropReason } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { jointIndex } from "./quorum.ts";
import { sendSnapshot } from "./snapshot.ts";
import { type Leader, type RaftState, send, sendAfterWrite } from "./state.ts";

/**
 * Appends to the leader's own log, which acknowledges to itself once it is durable.
 *
 * @returns The index of the last entry, or `undefined` if too much is uncommitted already.
 */
export function appendAsLeader(r: RaftState, leader: Leader, proposed: readonly ProposedEntry[]): number | undefined {
  const bytes = payloadBytes(proposed);
  const before = leader.uncommittedBytes;
  // One proposal of any size always passes, and so do the empty entries that the protocol itself needs.
  if (before > 0 && bytes > 0 && before + bytes > r.config.maxUncommittedBytes) return undefined;
  leader.uncommittedBytes = before + bytes;
  const { term } = r;
  const start = r.log.lastIndex() + 1;
  r.log.append(proposed.map(({ type, data }, i): Entry => ({ term, index: start + i, type, data })));
  const index = start + proposed.length - 1;
  const { id } = r.config;
  sendAfterWrite(r, { kind: "append-ack", from: id, to: id, term, index });
  return index;
}

/** Sends everybody what is next for them; an empty append where there is nothing, because it carries the commit. */
export function broadcastAppend(r: RaftState, leader: Leader): void {
  for (const to of leader.peers.keys()) {
    if (to !== r.config.id) sendAppend(r, leader, to, true);
  }
}

/**
 * Sends `to` the entries that are next for it, or a snapshot if they are gone.
 *
 * @returns Whether a message was sent.
 */
export function sendAppend(r: RaftState, leader: Leader, to: number, evenIfEmpty: boolean): boolean {
  const progress = leader.peers.get(to);
  if (progress === undefined || progress.paused) return false;
  const prevIndex = progress.next - 1;
  const prevTerm = r.log.term(prevIndex);
  if (prevTerm === undefined) return sendSnapshot(r, to, progress);
  const entries = progress.full ? [] : r.log.entriesFrom(progress.next, r.config.maxAppendBytes);
  if (entries === undefined) return sendSnapshot(r, to, progress);
  if (entries.length === 0 && !evenIfEmpty) return false;
  const commit = r.log.committed;
  send(r, { kind: "append", from: r.config.id, to, term: r.term, prevIndex, prevTerm, entries, commit });
  progress.appendSent(entries.length, entriesBytes(entries), commit);
  return true;
}

/** Starts a round of heartbeats. */
export function broadcastHeartbeat(r: RaftState, leader: Leader): void {
  const round = leader.reads.nextRound();
  for (const [to, progress] of leader.peers) {
    if (to === r.config.id) continue;
    const commit = Math.min(progress.match, r.log.committed);
    send(r, { kind: "heartbeat", from: r.config.id, to, term: r.term, commit, round });
    progress.heartbeatSent(commit);
  }
}

/** Commits what a quorum holds, if it is of this term (thesis §3.6.2, Fig. 3.7). False if that is nothing new. */
export function tryCommit(r: RaftState, leader: Leader): boolean {
  const index = jointIndex(r.membership, (id) => leader.peers.get(id)?.match ?? 0);
  if (index <= r.log.committed || r.log.term(index) !== r.term) return false;
  r.log.commitTo(index);
  leader.reads.releaseEarly(index);
  return true;
}

/** A follower, or the leader's own disk, holds everything up to `m.index`. */
export function receiveAck(r: RaftState, leader: Leader, progress: Progress, m: AppendAck): DropReason | undefined {
  progress.recentlyActive = true;
  if (m.index > r.log.lastIndex()) return "malformed";
  const found = progress.state.kind === "probe" && progress.match === m.index;
  if (!progress.advanceTo(m.index) && !found) return undefined;
  resumeReplication(r, progress, m.index);
  const committed = tryCommit(r, leader);
  if (committed) broadcastAppend(r, leader);
  if (m.from === r.config.id) return undefined;
  if (!committed && progress.canLearnCommit(r.log.committed)) sendAppend(r, leader, m.from, true);
  // One acknowledgement may open room for several messages.
  while (sendAppend(r, leader, m.from, false));
  return undefined;
}

function resumeReplication(r: RaftState, progress: Progress, index: number): void {
  switch (progress.state.kind) {
    case "probe":
      return progress.becomeReplicate();
    case "replicate":
      return progress.freeUpTo(index);
    case "snapshot":
      // Which snapshot brought it here does not matter, only that the log continues from there.
      if (progress.match + 1 >= r.log.firstIndex()) progress.becomeReplicate();
  }
}

/** A follower has no such entry: look for the last one in common (thesis §3.5, with whole terms skipped). */
export function receiveReject(r: RaftState, leader: Leader, progress: Progress, m: AppendReject): void {
  progress.recentlyActive = true;
  const hint = m.hintTerm > 0 ? r.log.lastAtMost(m.hintIndex, m.hintTerm).index : m.hintIndex;
  if (!progress.retreat(m.index, hint)) return;
  if (progress.state.kind === "replicate") progress.becomeProbe();
  sendAppend(r, leader, m.from, true);
}

/** A follower lives: send what it may have missed. */
export function receiveHeartbeatResponse(
  r: RaftState,
  leader: Leader,
  progress: Progress,
  m: HeartbeatResponse,
): void {
  progress.recentlyActive = true;
  progress.resume();
  if (progress.match < r.log.lastIndex() || progress.state.kind === "probe") sendAppend(r, leader, m.from, true);
  leader.reads.acknowledge(m.from, m.round);
}
