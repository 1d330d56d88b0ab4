/**
 * Handing leadership to another voter (thesis §3.10): it catches up, then it is told to campaign at once.
 *
 * Proposals wait meanwhile. The transfer ends with the leadership, with the transferee's vote, or after one election
 * timeout, whichever comes first.
 *
 * @module
 */
import { isVoter } from "./membership.ts";
import { NOBODY } from "./message.ts";
import type { TransferRefusal } from "./outcome.ts";
import { sendAppend } from "./replication.ts";
import { type Leader, type RaftState, send } from "./state.ts";

/** Starts a transfer at the leader, or passes the wish on to it. Replaces a transfer to somebody else. */
export function transferLeader(r: RaftState, to: number): TransferRefusal | undefined {
  if (r.role.kind === "leader") return startTransfer(r, r.role, to);
  if (r.lead === NOBODY) return "no-leader";
  send(r, { kind: "transfer-leader", from: r.config.id, to: r.lead, term: r.term, transferee: to });
  return undefined;
}

function startTransfer(r: RaftState, leader: Leader, to: number): TransferRefusal | undefined {
  if (!isVoter(r.membership, to)) return "not-voter";
  if (leader.transfer?.to === to) return "already-transferring";
  leader.transfer = undefined;
  if (to === r.config.id) return "already-leader";
  leader.transfer = { to, ticksLeft: r.config.electionTicks };
  if (!tellIfCaughtUp(r, leader, to)) sendAppend(r, leader, to, true);
  return undefined;
}

/** Called when `from` has acknowledged something: if that was what the transfer waits for, tells it to campaign. */
export function continueTransfer(r: RaftState, leader: Leader, from: number): void {
  if (leader.transfer?.to === from) tellIfCaughtUp(r, leader, from);
}

/** One tick of the leader: gives up when the time is over. */
export function tickTransfer(leader: Leader): void {
  if (leader.transfer !== undefined && --leader.transfer.ticksLeft <= 0) leader.transfer = undefined;
}

function tellIfCaughtUp(r: RaftState, leader: Leader, to: number): boolean {
  if (leader.peers.get(to)?.match !== r.log.lastIndex()) return false;
  send(r, { kind: "timeout-now", from: r.config.id, to, term: r.term });
  return true;
}
