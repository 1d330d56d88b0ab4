/**
 * The replicated state as plugins reach it: queries with a read level, and typed commands.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../proto/gen/v1/node_raft_pb.ts";
import type { StateReader } from "../state/apply.ts";
import type { ReadLevel } from "./read_level.ts";

/**
 * Runs a query of `core/state/queries/` (or one of the same shape) against this node's replica.
 *
 * @param level How fresh the replica must be, `none` unless told otherwise: see {@linkcode ReadLevel}.
 * @throws {MeshError} `no-leader`, `timeout`, … if that freshness cannot be had.
 */
export type Read = <Result>(query: (reader: StateReader) => Result, level?: ReadLevel) => Promise<Result>;

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
