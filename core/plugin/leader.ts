/**
 * The mesh's leader as plugins reach it, with calls whose messages stay bytes.
 *
 * @module
 */
import type { RpcMetadata } from "./rpc.ts";

/** Who leads. */
export interface LeaderFacts {
  readonly nodeId: string;
  /** Where it serves gRPC inside the mesh, `host:port`. */
  readonly meshAddress: string;
  /** Where it serves gRPC for others, `host:port`; `undefined` if it told no address. */
  readonly publicAddress: string | undefined;
  /** True if it is this node. */
  readonly isSelf: boolean;
}

/** Options of a raw call. */
export interface RawCallOptions {
  /** Sent ahead of the requests; see {@linkcode RpcMetadata}. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** How long to wait for the end of the call, in milliseconds; for ever if left out. */
  readonly deadlineMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

/**
 * A call under way. Iterating it, which must be done once, yields serialised responses; it throws a {@linkcode MeshError}
 * that carries the other side's status unchanged if the call does not end well. Leaving early cancels the call.
 */
export interface RawCall extends AsyncIterable<Uint8Array> {
  /** Initial metadata, when it has come; `undefined` if the call ended without. */
  readonly headers: Promise<RpcMetadata | undefined>;
  /** Trailing metadata, when the call has ended, well or not. */
  readonly trailers: Promise<RpcMetadata>;
  /** Ends the call. */
  cancel(): void;
}

/** See the module. */
export interface Leader {
  /** Who leads as far as this node knows; `undefined` while it knows of nobody. */
  current(): LeaderFacts | undefined;
  /**
   * Resolves when a node leads that is not the one of this id, at once if it is so already. It may be this node.
   *
   * @param nodeId `undefined` if any leader will do.
   * @throws The signal's reason, if it is aborted first.
   */
  another(nodeId: string | undefined, signal: AbortSignal): Promise<LeaderFacts>;
  /**
   * Calls a method of the leader over one connection that all calls share, whatever the method's kind. If the lead moves
   * before the call has ended, and the former leader does not end it soon, it ends with `unavailable`.
   *
   * @param methodPath `/package.Service/Method`.
   * @throws {MeshError} `no-leader` while nobody leads or this node does.
   */
  call(methodPath: string, requests: AsyncIterable<Uint8Array>, options?: RawCallOptions): RawCall;
}
