/**
 * One call on a listener, from its first byte to its status.
 *
 * A call is admitted (metadata size, authorisation), goes through the interceptors to the handler, and its responses
 * are written as the caller takes them. It ends exactly once: with the handler, or before it when nobody waits any more.
 *
 * @module
 */
import type { Metadata } from "@grpc/grpc-js";
import { Alarm } from "../io/alarm.ts";
import { systemClock } from "../io/clock.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RpcCall, RpcContext, RpcInterceptor, RpcMetadata, RpcNext, RpcPeer } from "../plugin/rpc.ts";
import type { Log } from "../seams/log.ts";
import type { CallObserver } from "./call_observer.ts";
import { BadRequest, type GrpcStream } from "./grpc_stream.ts";
import { callUnary, encodeResponse, handlerChainEnd, notOne } from "./handler.ts";
import { FORWARDED_METADATA_BYTES_MAX, MESSAGE_BYTES_MAX, METADATA_BYTES_MAX } from "./limits.ts";
import { setAll, toGrpc } from "./metadata.ts";
import type { MethodEntry } from "./method_table.ts";
import type { RequestWaits } from "./request_waits.ts";
import { DEADLINE_PASSED_TEXT, statusOf } from "./status.ts";

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
  readonly deadlineWallMs: number;
  readonly #stream: GrpcStream;
  readonly #method: MethodEntry;
  readonly #rules: CallRules;
  readonly #waits: RequestWaits<ServerCall>;
  readonly #startMs: number;
  #metadata: RpcMetadata | undefined;
  /** Made when somebody asks for it; most handlers never do. */
  #abort: AbortController | undefined;
  /** Why nobody waits for the answer. */
  #gone: MeshError | undefined;
  #trailers: Metadata | undefined;
  #deadline: Alarm | undefined;
  #hasEnded = false;

  /** @param waits Those of the listener, which ends a call that waits for too long. */
  constructor(
    stream: GrpcStream,
    method: MethodEntry,
    peer: RpcPeer,
    rules: CallRules,
    waits: RequestWaits<ServerCall>,
  ) {
    this.#stream = stream;
    this.#method = method;
    this.#rules = rules;
    this.#waits = waits;
    this.methodPath = method.path;
    this.peer = peer;
    this.#startMs = systemClock.monotonicMs();
    this.deadlineWallMs = stream.timeoutMs === Infinity ? Infinity : systemClock.wallMs() + stream.timeoutMs;
    if (stream.timeoutMs !== Infinity) {
      this.#deadline = new Alarm(systemClock, () => this.end(tooLate()));
      this.#deadline.arm(this.#startMs + stream.timeoutMs);
    }
    stream.onClosed = () => this.#giveUp();
  }

  get metadata(): RpcMetadata {
    return this.#metadata ??= this.#stream.metadata();
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#gone) this.#abort.abort(this.#gone);
    }
    return this.#abort.signal;
  }

  sendInitialMetadata(entries: Readonly<Record<string, string>>): void {
    const metadata = toGrpc(Object.entries(entries));
    if (!this.#hasEnded) this.#stream.sendMetadata(metadata);
  }

  setTrailer(name: string, value: string): void {
    setAll(this.#trailers ??= toGrpc([]), [[name, value]]);
  }

  /** Serves the call; resolves, never rejects, when its handler has returned and its status is on the way. */
  async run(): Promise<void> {
    this.#rules.observer?.started(this.#method.descriptor);
    let failure: unknown;
    try {
      const admission = this.#admit();
      if (admission) await admission;
      const { descriptor, handler } = this.#method;
      const interceptors = this.#rules.interceptorsOf(this.methodPath);
      if (handler && descriptor.methodKind === "unary" && interceptors.length === 0) {
        // One request, one response, nobody in between: no iteration, and nothing to wait for that is not the handler.
        if (!this.#stream.isComplete) {
          this.#waits.begin(this);
          await this.#stream.readable(true);
          this.#waits.end(this);
        }
        if (this.#gone) throw this.#gone;
        const request = this.#onlyRequest();
        const bytes = request instanceof Promise ? await request : request;
        const response = await callUnary(descriptor, handler, bytes, this);
        if (this.#gone) throw this.#gone;
        this.#finish(encodeResponse(descriptor, response));
      } else {
        for await (const response of this.#chain(interceptors)) await this.#write(response);
        this.#finish();
      }
    } catch (error) {
      failure = error;
      this.#fail(error);
    }
    this.#report(failure, systemClock.monotonicMs() - this.#startMs);
  }

  /** Ends the call now with `error`, whatever its handler is doing. */
  end(error: MeshError): void {
    if (this.#hasEnded) return;
    this.#leave(error);
    this.#fail(error);
  }

  /** Nothing to wait for unless membership has to be asked for. */
  #admit(): Promise<void> | undefined {
    const bytesMax = METADATA_BYTES_MAX + (this.#stream.isForwarded ? FORWARDED_METADATA_BYTES_MAX : 0);
    if (this.#stream.metadataBytes() > bytesMax) {
      throw new MeshError("exhausted", `The call's metadata is larger than ${bytesMax} bytes`);
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

  /** The one message of a request that is all here. */
  #onlyRequest(): Uint8Array | Promise<Uint8Array> {
    const request = this.#takeRequest();
    if (!request) throw notOne(this.methodPath, false);
    if (request instanceof Promise) return request.then((bytes) => this.#withoutMore(bytes));
    return this.#withoutMore(request);
  }

  #withoutMore(request: Uint8Array): Uint8Array {
    const more = this.#takeRequest();
    if (!more) return request;
    if (more instanceof Promise) more.catch(() => {});
    throw notOne(this.methodPath, true);
  }

  #takeRequest(): Uint8Array | Promise<Uint8Array> | undefined {
    const request = this.#stream.take();
    if (request) this.#rules.observer?.received(this.#method.descriptor);
    return request;
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
    const stream = this.#stream;
    if (!stream.isComplete && !this.#hasEnded) this.#waits.begin(this);
    for (;;) {
      if (!stream.isReadable) await stream.readable(false);
      if (this.#gone) throw this.#gone;
      const next = stream.take();
      if (!next) break;
      if (isStreamed) this.#waits.end(this);
      this.#rules.observer?.received(this.#method.descriptor);
      yield next instanceof Promise ? await next : next;
    }
    this.#waits.end(this);
  }

  /** The request has not come in time. */
  late(): void {
    this.end(new MeshError("timeout", `No request came within ${this.#rules.requestWaitMs / 1000} s`));
  }

  async #write(response: Uint8Array): Promise<void> {
    if (this.#gone) throw this.#gone;
    this.#sending(response);
    const room = this.#hasEnded ? undefined : this.#stream.write(response);
    if (!room) return;
    await room;
    if (this.#gone) throw this.#gone;
  }

  #sending({ length }: Uint8Array): void {
    if (length > MESSAGE_BYTES_MAX) {
      throw new MeshError("exhausted", `The response is larger than ${MESSAGE_BYTES_MAX} bytes`);
    }
    this.#rules.observer?.sent(this.#method.descriptor);
  }

  /** @param last A response to send before the end. */
  #finish(last?: Uint8Array): void {
    if (last) this.#sending(last);
    if (this.#enterEnd()) this.#stream.finish(this.#trailers, last);
  }

  #fail(error: unknown): void {
    if (!this.#enterEnd()) return;
    if (error instanceof BadRequest) return this.#stream.fail(error.status, undefined);
    const { code, message, trailers } = statusOf(error);
    setAll(this.#trailers ??= toGrpc([]), trailers);
    this.#stream.fail({ code, message }, this.#trailers);
  }

  /** The caller is gone: there is nobody to send a status to. */
  #giveUp(): void {
    if (!this.#enterEnd()) return;
    this.#leave(
      systemClock.wallMs() >= this.deadlineWallMs ? tooLate() : new MeshError("unavailable", "The caller is gone"),
    );
  }

  /** Tells the handler that nobody waits for it. */
  #leave(why: MeshError): void {
    this.#gone ??= why;
    this.#abort?.abort(this.#gone);
    this.#stream.wake();
  }

  /** True for the first that ends the call. */
  #enterEnd(): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    this.#deadline?.[Symbol.dispose]();
    this.#waits.end(this);
    return true;
  }

  #report(failure: unknown, durationMs: number): void {
    const fields = { method: this.methodPath, peer: this.peer.address, durationMs: Math.round(durationMs) };
    const { observer } = this.#rules;
    if (failure === undefined) {
      observer?.handled(this.#method.descriptor, 0, durationMs);
      return this.#rules.log.debug("call served", fields);
    }
    if (failure instanceof BadRequest) {
      observer?.handled(this.#method.descriptor, failure.status.code, durationMs);
      return this.#rules.log.debug("call refused", { ...fields, code: failure.status.code, reason: failure.message });
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

function tooLate(): MeshError {
  return new MeshError("timeout", DEADLINE_PASSED_TEXT);
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
