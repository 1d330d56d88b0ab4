/**
 * The errors an operator or caller may meet: few, flat, typed. `core/rpc/status.ts` maps them to gRPC status codes and
 * `core/cli/exit.ts` to exit codes; nothing else interprets them.
 *
 * @module
 */

/** Bad configuration: flags, environment, file or data directory. Nothing was opened or changed. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** What to run or change next, a full sentence. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Why the mesh refused or could not do what was asked. */
export type MeshErrorReason =
  | "invalid-argument"
  | "not-found"
  | "already-exists"
  | "permission-denied"
  /** Nothing is wrong with the request, but with what it meets; it may be asked again when that has changed. */
  | "precondition"
  | "not-leader"
  | "no-leader"
  | "not-joined"
  | "not-running"
  | "exhausted"
  | "timeout"
  | "unavailable"
  | "unimplemented"
  | "internal";

/** Extra facts of a {@linkcode MeshError}. */
export interface MeshErrorDetails {
  /** What to run or change next, a full sentence. */
  readonly hint?: string;
  /** For `not-leader`: where the leader serves gRPC, `host:port`. Sent as trailing metadata `leader-address`. */
  readonly leaderAddress?: string;
  readonly cause?: unknown;
}

/** A request that was understood and not done. Nothing is half done when it is thrown. */
export class MeshError extends Error {
  override readonly name = "MeshError";
  readonly reason: MeshErrorReason;
  readonly hint: string | undefined;
  readonly leaderAddress: string | undefined;

  constructor(reason: MeshErrorReason, message: string, details: MeshErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.hint = details.hint;
    this.leaderAddress = details.leaderAddress;
  }
}
