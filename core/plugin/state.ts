/**
 * The replicated state as plugins reach it: queries with a read level, and typed commands.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../proto/gen/v1/node_raft_pb.ts";
import type { StateReader } from "../state/apply.ts";
import type { ReadLevel } from "./read_level.ts";
import type { RpcContext } from "./rpc.ts";

/**
 * Runs a query of `core/state/queries/` (or one of the same shape) against this node's replica, synchronously at the moment
 * when the replica is fresh enough.
 *
 * @param as How fresh: a {@linkcode ReadLevel}, `none` if left out; or the call that asks, whose metadata names the level
 * and whose trailers then say what was used.
 * @throws {MeshError} `not-leader`, `no-leader`, `unavailable`, … if that freshness cannot be had here;
 * `invalid-argument` for metadata that names no level.
 */
export type Read = <Result>(
  query: (reader: StateReader) => Result,
  as?: ReadLevel | RpcContext,
) => Promise<Result>;

/** One intention: builds the one log entry that carries it out, and reads the answer. */
export interface Command<Parameters, Result> {
  /** The entry. SQL text is fixed; only parameters vary. */
  entry(parameters: Parameters): RaftLogEntry;
  /** The answer of the replicated database. */
  result(response: RaftApplyResponse): Result;
}

/**
 * Writes to the replicated state and resolves when this node has applied the write.
 *
 * @throws {MeshError} `not-leader` with the leader's address unless this node leads; `no-leader`, `timeout` or
 * `unavailable` if the outcome is unknown. Nothing was changed if the result is a refusal.
 */
export type Propose = <Parameters, Result>(
  command: Command<Parameters, Result>,
  parameters: Parameters,
) => Promise<Result>;
