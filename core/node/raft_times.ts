/**
 * How patient a node is in Raft. `deno task bench:failover` and `deno task bench:idle` measure what these numbers cost.
 *
 * @module
 */
import { RAFT_DEFAULTS } from "../raft/config.ts";

/** Length of one unit of Raft time, in milliseconds. */
export const RAFT_TICK_MS = 50;
/**
 * A follower campaigns after 1.0 to 1.6 s of silence: writes go on within 2 s of the end of a leader that had no time to
 * say so.
 */
const ELECTION_TICKS = 20;
/** The random part of that. An election takes a few milliseconds, so votes split rarely however short it is. */
const SPREAD_TICKS = 12;
/** Of two candidates that got a vote each one tries again after half a second to a second; so long may a round trip be. */
const RETRY_TICKS = 10;
/** A leader is heard twice in the shortest patience. Each time costs every node a few wake-ups, also while nobody wants anything. */
const HEARTBEAT_TICKS = 10;

/** The shortest patience of a follower, in milliseconds. */
export const ELECTION_MS: number = ELECTION_TICKS * RAFT_TICK_MS;
/** From one heartbeat to the next, in milliseconds. */
export const HEARTBEAT_MS: number = HEARTBEAT_TICKS * RAFT_TICK_MS;

/** What every node's engine is told beside who it is. */
export const NODE_RAFT = {
  ...RAFT_DEFAULTS,
  electionTicks: ELECTION_TICKS,
  spreadTicks: SPREAD_TICKS,
  retryTicks: RETRY_TICKS,
  heartbeatTicks: HEARTBEAT_TICKS,
} as const;
