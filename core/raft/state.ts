/**
 * The variables of one member (thesis Fig. 3.1) and the few moves that all protocol parts share: sending, entering a
 * term, committing.
 *
 * What belongs to a role lives in the role: it cannot outlive it. Messages collect in two lists, those that may leave at
 * once and those that promise something a crash would take back.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { ConfState } from "../seams/log_store.ts";
import type { RaftConfig } from "./config.ts";
import type { RaftLog } from "./log.ts";
import { isVoter } from "./membership.ts";
import { type InstallSnapshot, type Message, NOBODY } from "./message.ts";
import type { Progress } from "./progress.ts";
import type { ReadQueue } from "./read_queue.ts";
import type { ReadState } from "./ready.ts";

/** Waits for a leader, or follows one. */
export interface Follower {
  readonly kind: "follower";
}

/** Asks for votes; first answer of each member counts. */
export interface Candidate {
  readonly kind: "candidate" | "pre-candidate";
  readonly votes: Map<number, boolean>;
}

/** A transfer that is under way; proposals wait for its end. */
export interface Transfer {
  readonly to: number;
  ticksLeft: number;
}

/** Replicates its log. Created by winning an election, gone with it. */
export interface Leader {
  readonly kind: "leader";
  /** All members, this one included. */
  readonly peers: Map<number, Progress>;
  readonly reads: ReadQueue;
  heartbeatElapsed: number;
  /** The last membership change in the log, applied or not, is at or below this index. */
  pendingConfIndex: number;
  /** Payload proposed in this term and not yet applied. */
  uncommittedBytes: number;
  transfer: Transfer | undefined;
}

/** What a member is. */
export type Role = Follower | Candidate | Leader;

/** One member. */
export interface RaftState {
  readonly config: RaftConfig;
  readonly log: RaftLog;
  term: number;
  /** For whom this member voted in `term`. */
  vote: number;
  /** Who leads `term`, as far as known. */
  lead: number;
  role: Role;
  /** As of the last applied membership change, not the last appended one. */
  membership: ConfState;
  /** Ticks since the leader was heard of; at a leader, since the last quorum check. */
  electionElapsed: number;
  /** When `electionElapsed` ends a follower's patience, `electionTicks` .. `electionTicks` + `spreadTicks` - 1. */
  patienceTicks: number;
  /** Elections that this member began, after pre-votes, and that it won. */
  electionsStartedCount: number;
  electionsWonCount: number;
  /** May leave at once. */
  outbox: Message[];
  /** May leave once everything written so far is durable; those to this member itself are its own vote and ack. */
  afterWrite: Message[];
  readStates: ReadState[];
  /** Came while entries were being applied; the newest of its kind. */
  waitingSnapshot: InstallSnapshot | undefined;
}

/** The one follower role there is. */
export const FOLLOWER: Follower = { kind: "follower" };

/** Queues a message that a crash cannot make wrong. */
export function send(r: RaftState, message: Message): void {
  assert(message.to !== r.config.id, "Only what waits for a write goes to the member itself");
  r.outbox.push(message);
}

/** Queues a message that is true only once everything written so far is durable. */
export function sendAfterWrite(r: RaftState, message: Message): void {
  r.afterWrite.push(message);
}

/** Entries from `index` on are replaced before they were written: what waits to be said about them would not be true. */
export function withdrawAcks(r: RaftState, index: number): void {
  r.afterWrite = r.afterWrite.filter((message) => message.kind !== "append-ack" || message.index < index);
}

/** Starts over in `term`: no leader, no vote if the term is new, fresh patience. */
export function enterTerm(r: RaftState, term: number): void {
  assert(term >= r.term, "Terms go forward");
  if (term !== r.term) {
    r.term = term;
    r.vote = NOBODY;
  }
  r.lead = NOBODY;
  r.electionElapsed = 0;
  const { electionTicks, spreadTicks = electionTicks, random } = r.config;
  r.patienceTicks = electionTicks + random.u32() % spreadTicks;
}

/** Follows `lead`, or waits for a leader if that is nobody. */
export function becomeFollower(r: RaftState, term: number, lead: number): void {
  enterTerm(r, term);
  r.role = FOLLOWER;
  r.lead = lead;
}

/** May campaign: has a vote, and is not waiting for a snapshot to be loaded. */
export function isPromotable(r: RaftState): boolean {
  return isVoter(r.membership, r.config.id) && !r.log.hasPendingSnapshot();
}

/** Whether a leader knows what is committed: not before it has committed an entry of its own term (thesis §6.4). */
export function hasCommittedInTerm(r: RaftState): boolean {
  return r.log.term(r.log.committed) === r.term;
}
