/**
 * How a call ended that did not end well, as its caller sees it (gRPC status; status details in `Any` are left out).
 *
 * @module
 */
import { status } from "@grpc/grpc-js";
import { MeshError, type MeshErrorDetails, type MeshErrorReason } from "../plugin/errors.ts";
import type { RpcMetadata } from "../plugin/rpc.ts";

/** A gRPC status other than OK, read as a {@linkcode MeshError}; made by `core/rpc/status.ts`. */
export class RpcError extends MeshError {
  /** gRPC status code, 1..16. */
  readonly code: number;
  readonly trailers: RpcMetadata;

  /** @param message What the other side said, or why there is no other side. */
  constructor(
    reason: MeshErrorReason,
    message: string,
    status: { readonly code: number; readonly trailers: RpcMetadata },
    details: MeshErrorDetails,
  ) {
    super(reason, message, details);
    this.code = status.code;
    this.trailers = status.trailers;
  }

  /** The code's name, such as `UNAVAILABLE`. */
  get codeName(): string {
    return status[this.code] ?? `code ${this.code}`;
  }
}
