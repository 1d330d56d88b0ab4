/**
 * Errors to gRPC status and back: the one place that decides what a caller is told.
 *
 * A reason that shares its code with others travels in the trailing metadata `weft-reason`, so that it comes back as it
 * was. Other implementations read the code, the text and the trailers `leader-address` and `hint`.
 *
 * @module
 */
import { status } from "@grpc/grpc-js";
import { MeshError, type MeshErrorReason } from "../plugin/errors.ts";
import type { RpcMetadata } from "../plugin/rpc.ts";
import { RpcError } from "./rpc_error.ts";

/** Trailing metadata: where the leader serves gRPC, `host:port`. */
export const LEADER_ADDRESS_KEY = "leader-address";
/** Trailing metadata: what to do next, a sentence. */
export const HINT_KEY = "hint";
/** Trailing metadata: the {@linkcode MeshErrorReason}. */
export const REASON_KEY = "weft-reason";

/** What a server says of a call whose time is over. */
export const DEADLINE_PASSED_TEXT = "The caller's deadline has passed";

/** What ends a call. */
export interface CallStatus {
  readonly code: number;
  readonly message: string;
  readonly trailers: RpcMetadata;
  /** True for an error that no caller could have caused: its cause belongs into the log, and only there. */
  readonly isUnexpected: boolean;
}

const CODES = {
  "invalid-argument": status.INVALID_ARGUMENT,
  "not-found": status.NOT_FOUND,
  "already-exists": status.ALREADY_EXISTS,
  "permission-denied": status.PERMISSION_DENIED,
  "precondition": status.FAILED_PRECONDITION,
  "not-leader": status.FAILED_PRECONDITION,
  "no-leader": status.UNAVAILABLE,
  "not-joined": status.FAILED_PRECONDITION,
  "not-running": status.UNAVAILABLE,
  "exhausted": status.RESOURCE_EXHAUSTED,
  "timeout": status.DEADLINE_EXCEEDED,
  "unavailable": status.UNAVAILABLE,
  "unimplemented": status.UNIMPLEMENTED,
  "internal": status.INTERNAL,
} as const satisfies Record<MeshErrorReason, number>;

/** The status for whatever a handler or interceptor threw. The status of a forwarded call passes through unchanged. */
export function statusOf(error: unknown): CallStatus {
  if (error instanceof RpcError) {
    return { code: error.code, message: error.message, trailers: error.trailers, isUnexpected: false };
  }
  if (!(error instanceof MeshError)) {
    return { code: status.INTERNAL, message: "Internal error", trailers: new Map(), isUnexpected: true };
  }
  const trailers = new Map<string, string>([[REASON_KEY, error.reason]]);
  if (error.leaderAddress !== undefined) trailers.set(LEADER_ADDRESS_KEY, error.leaderAddress);
  if (error.hint !== undefined) trailers.set(HINT_KEY, error.hint);
  return { code: CODES[error.reason], message: error.message, trailers, isUnexpected: error.reason === "internal" };
}

/** The error for a status that came over the wire, or that grpc-js made up because none came. */
export function errorOf(code: number, message: string, trailers: RpcMetadata): RpcError {
  const stated = trailers.get(REASON_KEY);
  const reason = stated !== undefined && isReason(stated) && CODES[stated] === code ? stated : reasonOf(code);
  return errorFor(reason, code, message, trailers);
}

/** The error for a call that reached nobody: UNAVAILABLE, with a reason that says more. */
export function unreachableError(
  reason: "not-running" | "unavailable" | "permission-denied",
  message: string,
): RpcError {
  return errorFor(reason, status.UNAVAILABLE, message, new Map());
}

function errorFor(reason: MeshErrorReason, code: number, message: string, trailers: RpcMetadata): RpcError {
  const hint = trailers.get(HINT_KEY);
  const leaderAddress = trailers.get(LEADER_ADDRESS_KEY);
  return new RpcError(reason, message, { code, trailers }, {
    ...(hint === undefined ? {} : { hint }),
    ...(leaderAddress === undefined ? {} : { leaderAddress }),
  });
}

function isReason(text: string): text is MeshErrorReason {
  return Object.hasOwn(CODES, text);
}

/** What a code means when nothing more precise was said, as by other implementations of the v1 API. */
function reasonOf(code: number): MeshErrorReason {
  switch (code) {
    case status.INVALID_ARGUMENT:
    case status.OUT_OF_RANGE:
      return "invalid-argument";
    case status.NOT_FOUND:
      return "not-found";
    case status.ALREADY_EXISTS:
      return "already-exists";
    case status.PERMISSION_DENIED:
    case status.UNAUTHENTICATED:
      return "permission-denied";
    case status.FAILED_PRECONDITION:
      return "not-leader";
    case status.RESOURCE_EXHAUSTED:
      return "exhausted";
    case status.DEADLINE_EXCEEDED:
      return "timeout";
    case status.UNAVAILABLE:
    case status.ABORTED:
    case status.CANCELLED:
      return "unavailable";
    case status.UNIMPLEMENTED:
      return "unimplemented";
    default:
      return "internal";
  }
}
