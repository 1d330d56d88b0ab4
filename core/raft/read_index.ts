/**
 * Asking for a read index and answering it, at leader and follower (thesis §6.4). What makes an answer safe is in
 * `read_queue.ts`.
 *
 * @module
 */
import { NOBODY } from "./message.ts";
import type { ReadRefusal } from "./outcome.ts";
import type { ReadRequest } from "./read_queue.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { hasCommittedInTerm, type Leader, type RaftState, send } from "./state.ts";

/** Queues the question at the leader, or passes it on to the leader. */
export function requestRead(r: RaftState, { from, context }: ReadRequest): ReadRefusal | undefined {
  if (r.role.kind === "leader") return queueRead(r, r.role, { from, context });
  if (r.lead === NOBODY) return "no-leader";
  send(r, { kind: "read-index", from, to: r.lead, term: 0, context });
  return undefined;
}

/** Sends the round of heartbeats that the questions since the last one share, and answers what is confirmed. */
export function flushReads(r: RaftState): void {
  if (r.role.kind !== "leader") return;
  if (r.role.reads.needsRound) broadcastHeartbeat(r, r.role);
  answerConfirmed(r, r.role);
}

/** Answers the questions that heartbeats have confirmed by now. */
export function answerConfirmed(r: RaftState, leader: Leader): void {
  for (const { from, index, context } of leader.reads.takeConfirmed(r.membership)) {
    if (from === r.config.id) r.readStates.push({ index, context });
    else send(r, { kind: "read-index-response", from: r.config.id, to: from, term: r.term, index, context });
  }
}

function queueRead(r: RaftState, { reads }: Leader, request: ReadRequest): ReadRefusal | undefined {
  if (reads.full) return "too-busy";
  if (hasCommittedInTerm(r)) reads.ask(request, r.log.committed);
  else reads.askEarly(request);
  return undefined;
}
