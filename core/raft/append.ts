/**
 * The follower's half of log replication (thesis Fig. 3.1, AppendEntries, receiver implementation).
 *
 * @module
 */
import { entriesBytes } from "./entry_size.ts";
import type { Append, Heartbeat } from "./message.ts";
import type { DropReason } from "./outcome.ts";
import { type RaftState, send, sendAfterWrite, withdrawAcks } from "./state.ts";

/** Takes entries from the leader; acknowledges what the message proves to be common, never more. */
export function receiveAppend(r: RaftState, m: Append): DropReason | undefined {
  const { log } = r;
  if (m.prevIndex < log.committed) {
    acknowledge(r, m.from, log.committed);
    return undefined;
  }
  const bytes = log.unstable.bytes;
  if (bytes > 0 && bytes + entriesBytes(m.entries) > r.config.maxUnstableBytes) return "too-busy";
  const conflict = log.firstConflict(m.entries);
  const lastIndex = log.appendFromLeader({ term: m.prevTerm, index: m.prevIndex }, m.entries, m.commit);
  if (lastIndex === undefined) {
    if (m.prevIndex === log.committed) return "conflicts-with-commit";
    reject(r, m);
    return undefined;
  }
  if (conflict !== undefined) withdrawAcks(r, conflict);
  acknowledge(r, m.from, lastIndex);
  return undefined;
}

/** The leader lives, and tells how far this log is committed. */
export function receiveHeartbeat(r: RaftState, m: Heartbeat): DropReason | undefined {
  if (m.commit > r.log.lastIndex()) return "commit-beyond-log";
  r.log.commitTo(m.commit);
  send(r, { kind: "heartbeat-response", from: r.config.id, to: m.from, term: r.term, round: m.round });
  return undefined;
}

function acknowledge(r: RaftState, to: number, index: number): void {
  sendAfterWrite(r, { kind: "append-ack", from: r.config.id, to, term: r.term, index });
}

function reject(r: RaftState, m: Append): void {
  const hint = r.log.lastAtMost(Math.min(m.prevIndex, r.log.lastIndex()), m.prevTerm);
  sendAfterWrite(r, {
    kind: "append-reject",
    from: r.config.id,
    to: m.from,
    term: r.term,
    index: m.prevIndex,
    hintIndex: hint.index,
    hintTerm: hint.term,
  });
}
