/**
 * One call on a listener, from its first byte to its status.
 *
 * A call is admitted (metadata size, authorisation), goes through the interceptors to the handler, and its responses
 * are written as the caller takes them. It ends exactly once: with the handler, or before it when nobody waits any more.
 *
 * @module
 */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { Alarm } from "../io/alarm.ts";
import { systemClock } from "../io/clock.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RpcCall, RpcContext, RpcInterceptor, RpcMetadata, RpcMethod, RpcNext, RpcPeer } from "../plugin/rpc.ts";
import type { Log } from "../seams/log.ts";
import type { CallObserver } from "./call_observer.ts";
import { handlerChainEnd, unaryEnd } from "./handler.ts";
import { METADATA_BYTES_MAX } from "./limits.ts";
import { fromGrpc, metadataBytes, setAll, toGrpc } from "./metadata.ts";
import type { MethodEntry } from "./method_table.ts";
import { statusOf } from "./status.ts";

/** A call as grpc-js hands it over: every method is registered as if it streamed both ways. */
export type ByteStream = ServerDuplexStream<Uint8Array, Uint8Array>;

/** Says whether a caller belongs to the mesh, for methods with authorisation `member`. */
export type MembershipCheck = (context: RpcContext) => boolean | Promise<boolean>;

/** What all calls of a listener share. */
export interface CallRules {
  /** Those of a method now, from the outermost to the one next to the handler. */
  readonly interceptorsOf: (methodPath: string) => readonly RpcInterceptor[];
  readonly isMember: MembershipCheck;
  /** `REQUEST_WAIT_MS`, less in tests. */
  readonly requestWaitMs: number;
  readonly observer?: CallObserver;
  readonly log: Log;
}

/** See the module's description. */
export class ServerCall implements RpcContext {
  readonly methodPath: string;
  readonly peer: RpcPeer;
  readonly metadata: RpcMetadata;
  readonly deadlineWallMs: number;
  readonly #stream: ByteStream;
  readonly #method: MethodEntry;
  readonly #rules: CallRules;
  /** Made when somebody asks for it; most handlers never do. */
  #abort: AbortController | undefined;
  /** Why nobody waits for the answer. */
  #gone: MeshError | undefined;
  readonly #trailers = toGrpc([]);
  /** Rings when what the wait is for has not come in time. */
  #requestWait: Alarm | undefined;
  #hasEnded = false;

  constructor(stream: ByteStream, method: MethodEntry, peer: RpcPeer, rules: CallRules) {
    this.#stream = stream;
    this.#method = method;
    this.#rules = rules;
    this.methodPath = method.path;
    this.peer = peer;
    this.metadata = fromGrpc(stream.metadata);
    this.deadlineWallMs = Number(stream.getDeadline());
    // grpc-js also says so after every call that ended well.
    stream.on("cancelled", () => this.#giveUp());
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#gone) this.#abort.abort(this.#gone);
    }
    return this.#abort.signal;
  }

  sendInitialMetadata(entries: Readonly<Record<string, string>>): void {
    if (!this.#hasEnded) this.#stream.sendMetadata(toGrpc(Object.entries(entries)));
  }

  setTrailer(name: string, value: string): void {
    setAll(this.#trailers, [[name, value]]);
  }

  /** Serves the call; resolves, never rejects, when its handler has returned and its status is on the way. */
  async run(): Promise<void> {
    const startMs = systemClock.monotonicMs();
    this.#rules.observer?.started(this.#method.descriptor);
    let failure: unknown;
    try {
      const admission = this.#admit();
      if (admission) await admission;
      const { descriptor, handler } = this.#method;
      const interceptors = this.#rules.interceptorsOf(this.methodPath);
      const isPlain = handler && descriptor.methodKind === "unary" && interceptors.length === 0;
      if (isPlain) await this.#answer(handler);
      else for await (const response of this.#chain(interceptors)) await this.#write(response);
      this.#finish();
    } catch (error) {
      failure = error;
      this.#fail(error);
    }
    this.#report(failure, systemClock.monotonicMs() - startMs);
  }

  /** Ends the call now with `error`, whatever its handler is doing. */
  end(error: MeshError): void {
    if (this.#hasEnded) return;
    this.#leave(error);
    this.#fail(error);
  }

  /** Nothing to wait for unless membership has to be asked for. */
  #admit(): Promise<void> | undefined {
    if (metadataBytes(this.#stream.metadata) > METADATA_BYTES_MAX) {
      throw new MeshError("exhausted", `The call's metadata is larger than ${METADATA_BYTES_MAX} bytes`);
    }
    const { authorisation } = this.#method;
    if (authorisation === "local" && this.peer.transport !== "unix") {
      throw new MeshError("permission-denied", `${this.methodPath} is allowed only on this host`, {
        hint: "Call it through the node's Unix socket.",
      });
    }
    return authorisation === "member" ? this.#admitMember() : undefined;
  }

  async #admitMember(): Promise<void> {
    if (await this.#rules.isMember(this)) return;
    throw new MeshError("permission-denied", `${this.methodPath} is allowed only to members of the mesh`);
  }

  /** One request, one response, nobody in between: no iteration. */
  async #answer(handler: RpcMethod): Promise<void> {
    const requests = await this.#wholeRequest();
    const response = await unaryEnd(this.#method.descriptor, handler, requests, this);
    if (this.#gone) throw this.#gone;
    if (this.#hasEnded) return;
    this.#rules.observer?.sent(this.#method.descriptor);
    this.#stream.write(response);
  }

  /** What the caller sends, until it has ended or sent too much. */
  #wholeRequest(): Promise<Uint8Array[]> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array[]>();
    const requests: Uint8Array[] = [];
    this.#limitRequestWait();
    this.#stream.on("data", (message: Uint8Array) => {
      this.#rules.observer?.received(this.#method.descriptor);
      if (requests.push(message) > 1) resolve(requests);
    });
    this.#stream.on("end", () => {
      this.#requestWait?.[Symbol.dispose]();
      resolve(requests);
    });
    this.#stream.on("error", (error) => reject(this.#gone ?? error));
    this.#stream.on("cancelled", () => reject(this.#gone));
    return promise;
  }

  #chain(interceptors: readonly RpcInterceptor[]): AsyncIterable<Uint8Array> {
    const { descriptor, authorisation, handler } = this.#method;
    const end: RpcNext = handler ? handlerChainEnd(descriptor, handler) : unserved;
    const chain = interceptors.reduceRight<RpcNext>(
      (next, interceptor) => (call) => interceptor(call, next),
      end,
    );
    return chain({
      context: this,
      kind: descriptor.methodKind,
      authorisation,
      isServed: handler !== undefined,
      requests: this.#requests(),
    });
  }

  async *#requests(): AsyncGenerator<Uint8Array> {
    const { methodKind } = this.#method.descriptor;
    const isStreamed = methodKind === "client_streaming" || methodKind === "bidi_streaming";
    this.#limitRequestWait();
    try {
      // Leaving the loop early must not destroy the stream: the response still has to go out.
      for await (const message of this.#stream.iterator({ destroyOnReturn: false })) {
        this.#rules.observer?.received(this.#method.descriptor);
        if (isStreamed) this.#requestWait?.[Symbol.dispose]();
        yield message;
      }
      this.#requestWait?.[Symbol.dispose]();
    } catch (error) {
      throw this.#gone ?? error;
    }
  }

  #limitRequestWait(): void {
    const { requestWaitMs } = this.#rules;
    this.#requestWait = new Alarm(systemClock, () => {
      this.end(new MeshError("timeout", `No request came within ${requestWaitMs / 1000} s`));
    });
    this.#requestWait.arm(systemClock.monotonicMs() + requestWaitMs);
  }

  async #write(response: Uint8Array): Promise<void> {
    if (this.#gone) throw this.#gone;
    this.#rules.observer?.sent(this.#method.descriptor);
    if (this.#stream.write(response)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(this.signal.reason);
    this.#stream.once("drain", resolve);
    this.signal.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      this.#stream.removeListener("drain", resolve);
      this.signal.removeEventListener("abort", onAbort);
    }
  }

  #finish(): void {
    if (!this.#enterEnd()) return;
    this.#stream.end(this.#trailers);
  }

  #fail(error: unknown): void {
    if (!this.#enterEnd()) return;
    const { code, message, trailers } = statusOf(error);
    setAll(this.#trailers, trailers);
    this.#stream.emit("error", { code, details: message.toWellFormed(), metadata: this.#trailers });
  }

  /** The caller is gone: there is nobody to send a status to. */
  #giveUp(): void {
    if (this.#enterEnd()) this.#leave(this.#whyGone());
  }

  /** Tells the handler that nobody waits for it. */
  #leave(why: MeshError): void {
    this.#gone ??= why;
    this.#abort?.abort(this.#gone);
  }

  /** True for the first that ends the call. */
  #enterEnd(): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    this.#requestWait?.[Symbol.dispose]();
    return true;
  }

  #whyGone(): MeshError {
    return systemClock.wallMs() >= this.deadlineWallMs
      ? new MeshError("timeout", "The caller's deadline has passed")
      : new MeshError("unavailable", "The caller is gone");
  }

  #report(failure: unknown, durationMs: number): void {
    const fields = { method: this.methodPath, peer: this.peer.address, durationMs: Math.round(durationMs) };
    const { observer } = this.#rules;
    if (failure === undefined) {
      observer?.handled(this.#method.descriptor, 0, durationMs);
      return this.#rules.log.debug("call served", fields);
    }
    const { code, message, isUnexpected } = statusOf(failure);
    observer?.handled(this.#method.descriptor, code, durationMs);
    // A handler that was told to stop may fail in any way it likes.
    if (!isUnexpected || this.#gone) {
      return this.#rules.log.debug("call refused", { ...fields, code, reason: message });
    }
    this.#rules.log.error("call failed", { ...fields, code, stack: stackOf(failure) });
  }
}

/** The stack of an error and of what caused it. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\nCaused by: ${stackOf(error.cause)}`;
}

function unserved({ context }: RpcCall): never {
  throw new MeshError("unimplemented", `${context.methodPath} is not enabled on this node`);
}
