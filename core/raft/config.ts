/**
 * What a Raft member is told at start; complete and fixed for its life.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { Random } from "../seams/random.ts";
import { MEMBER_ID_MAX } from "./message.ts";

/** Everything the engine may be told. Bytes are payload plus a fixed cost per entry, see `entryBytes`. */
export interface RaftConfig {
  /** This member, 1 .. 2^53-3; unique for ever, also after removal. */
  readonly id: number;
  /** Draws election timeouts only. */
  readonly random: Random;
  /**
   * The last entry the state machine already holds when the engine starts; 0 means: what the snapshot holds.
   * `RaftStorage.initialState().confState` must be the membership as of this entry.
   */
  readonly appliedIndex: number;
  /** A follower campaigns after this many silent ticks, plus a random part of `spreadTicks`. */
  readonly electionTicks: number;
  /**
   * How far followers' patience may differ, `electionTicks` unless it says otherwise; at most so many. Two that lose it
   * within a round trip of each other split the vote.
   */
  readonly spreadTicks?: number;
  /**
   * A candidate that is neither elected nor refused tries again after this many ticks, plus a random part of as many again;
   * `electionTicks` unless it says otherwise. It is what a split vote costs, and how long an answer may be on its way.
   */
  readonly retryTicks?: number;
  /** A leader sends heartbeats every so many ticks; less than `electionTicks`. */
  readonly heartbeatTicks: number;
  /** Ask before raising the term (thesis §9.6). Off only in tests. */
  readonly preVote: boolean;
  /** A leader without a live quorum steps down, and voters ignore campaigns while they hear a leader. Off only in tests. */
  readonly checkQuorum: boolean;
  /** Leave the leader role once removed or demoted, instead of serving on until another is elected. */
  readonly stepDownOnRemoval: boolean;
  /** Followers pass proposals on to the leader; the proposer then does not learn the index. */
  readonly forwardProposals: boolean;
  /** Refuse membership changes that are unsafe or impossible. Off only in tests. */
  readonly validateConfChanges: boolean;
  /** Whether `forgetLeader` works. */
  readonly allowForgetLeader: boolean;
  /** Express writing and applying as storage messages, instead of `advance`. */
  readonly asyncStorageWrites: boolean;
  /** Largest batch of entries in one append message; a single larger entry still goes. */
  readonly maxAppendBytes: number;
  /** Append messages on the way to one follower. */
  readonly maxInflightAppendsCount: number;
  /** Bytes of entries on the way to one follower. */
  readonly maxInflightBytes: number;
  /** Payload bytes a leader accepts beyond what is committed and applied; a proposal above it is refused `too-busy`. */
  readonly maxUncommittedBytes: number;
  /** Entry bytes a follower holds that its disk has not confirmed; an append above it is dropped. */
  readonly maxUnstableBytes: number;
  /** Entry bytes handed out to be applied and not yet reported applied; a single larger entry still goes. */
  readonly maxApplyingBytes: number;
  /** Reads waiting at the leader for confirmation. */
  readonly maxPendingReadsCount: number;
}

/** What a production member uses for all but `id`, `random` and `appliedIndex`. Time per tick is the driver's choice. */
export const RAFT_DEFAULTS: Omit<RaftConfig, "id" | "random" | "appliedIndex"> = {
  electionTicks: 10,
  heartbeatTicks: 1,
  preVote: true,
  checkQuorum: true,
  stepDownOnRemoval: true,
  forwardProposals: false,
  validateConfChanges: true,
  allowForgetLeader: true,
  asyncStorageWrites: false,
  maxAppendBytes: 1 << 20,
  maxInflightAppendsCount: 256,
  maxInflightBytes: 16 << 20,
  maxUncommittedBytes: 64 << 20,
  maxUnstableBytes: 64 << 20,
  maxApplyingBytes: 16 << 20,
  maxPendingReadsCount: 4096,
};

/**
 * Holds the caller to the ranges above.
 *
 * @throws {InvariantError} On the first value out of range.
 */
export function checkRaftConfig(config: RaftConfig): void {
  assert(isInteger(config.id, 1) && config.id <= MEMBER_ID_MAX, "A member id is in 1 .. 2^53-3");
  assert(isInteger(config.appliedIndex, 0), "The applied index is 0 or more");
  const spreadTicks = config.spreadTicks ?? config.electionTicks;
  assert(isInteger(config.heartbeatTicks, 1), "A leader sends heartbeats");
  assert(isInteger(config.retryTicks ?? 1, 1), "A candidate waits for answers");
  assert(isInteger(config.electionTicks, 1), "An election timeout is at least one tick");
  assert(isInteger(spreadTicks, 1) && spreadTicks <= config.electionTicks, "Patience is drawn from a known range");
  assert(config.electionTicks > config.heartbeatTicks, "Followers wait for more than one heartbeat");
  assert(isInteger(config.maxInflightAppendsCount, 1), "At least one append may be on its way");
  for (const key of BYTE_LIMITS) assert(config[key] > 0, "A limit of zero stops the member");
  assert(config.maxPendingReadsCount > 0, "At least one read may wait");
}

const BYTE_LIMITS = [
  "maxAppendBytes",
  "maxInflightBytes",
  "maxUncommittedBytes",
  "maxUnstableBytes",
  "maxApplyingBytes",
] as const;

function isInteger(value: number, min: number): boolean {
  return Number.isSafeInteger(value) && value >= min;
}
