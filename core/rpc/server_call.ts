/**
 * One call on a listener, from its first byte to its status.
 *
 * A call is admitted (metadata size, authorisation), goes through the interceptors to the handler, and its responses
 * are written as the caller takes them. It ends exactly once: with the handler, or before it when nobody waits any more.
 *
 * @module
 */
import { Alarm } from "../io/alarm.ts";
import { systemClock } from "../io/clock.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RpcCall, RpcContext, RpcInterceptor, RpcMetadata, RpcMethod, RpcNext, RpcPeer } from "../plugin/rpc.ts";
import type { Log } from "../seams/log.ts";
import type { GrpcStream, StreamStatus } from "./grpc_stream.ts";
import { handlerChainEnd, unaryEnd } from "./handler.ts";
import type { HeaderField } from "./hpack.ts";
import { MESSAGE_BYTES_MAX, METADATA_BYTES_MAX } from "./limits.ts";
import { checkedField } from "./metadata.ts";
import type { MethodEntry } from "./method_table.ts";
import { statusOf } from "./status.ts";

/** Says whether a caller belongs to the mesh, for methods with authorisation `member`. */
export type MembershipCheck = (context: RpcContext) => boolean | Promise<boolean>;

/** What all calls of a listener share. */
export interface CallRules {
  /** Those of a method now, from the outermost to the one next to the handler. */
  readonly interceptorsOf: (methodPath: string) => readonly RpcInterceptor[];
  readonly isMember: MembershipCheck;
  /** `REQUEST_WAIT_MS`, less in tests. */
  readonly requestWaitMs: number;
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
  readonly #startMs: number;
  #metadata: RpcMetadata | undefined;
  /** Made when somebody asks for it; most handlers never do. */
  #abort: AbortController | undefined;
  #trailers: Map<string, string> | undefined;
  /** Why nobody waits for the answer. */
  #gone: MeshError | undefined;
  #deadline: Alarm | undefined;
  /** Rings when the request has not come in time. */
  #requestWait: Alarm | undefined;
  #hasEnded = false;

  constructor(stream: GrpcStream, method: MethodEntry, peer: RpcPeer, rules: CallRules) {
    this.#stream = stream;
    this.#method = method;
    this.#rules = rules;
    this.methodPath = method.path;
    this.peer = peer;
    this.#startMs = systemClock.monotonicMs();
    this.deadlineWallMs = stream.timeoutMs === Infinity ? Infinity : systemClock.wallMs() + stream.timeoutMs;
    if (stream.timeoutMs !== Infinity) {
      this.#deadline = new Alarm(systemClock, () => this.end(tooLate()));
      this.#deadline.arm(this.#startMs + stream.timeoutMs);
    }
    stream.onGone = () => this.#giveUp();
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
    const fields = Object.entries(entries).map(([name, value]) => checkedField(name, value));
    if (!this.#hasEnded) this.#stream.sendHeaders(fields);
  }

  setTrailer(name: string, value: string): void {
    const [checkedName, checkedValue] = checkedField(name, value);
    (this.#trailers ??= new Map()).set(checkedName, checkedValue);
  }

  /** Serves the call; resolves, never rejects, when its handler has returned and its status is on the way. */
  async run(): Promise<void> {
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
    if (this.#stream.metadataBytes() > METADATA_BYTES_MAX) {
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

  /** One request, one response, nobody in between. */
  async #answer(handler: RpcMethod): Promise<void> {
    if (!this.#stream.isComplete) {
      this.#limitRequestWait();
      while (!this.#stream.isComplete && !this.#gone) await this.#stream.readable(true);
      this.#requestWait?.[Symbol.dispose]();
    }
    const request = this.#take();
    const extra = request && this.#take();
    const response = await unaryEnd(this.#method.descriptor, handler, request, extra !== undefined, this);
    if (this.#gone) throw this.#gone;
    this.#send(response);
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
    if (!this.#stream.isComplete) this.#limitRequestWait();
    for (;;) {
      if (!this.#stream.isReadable) await this.#stream.readable(false);
      if (this.#gone) throw this.#gone;
      const message = this.#take();
      if (!message) break;
      if (isStreamed) this.#requestWait?.[Symbol.dispose]();
      yield message;
    }
    this.#requestWait?.[Symbol.dispose]();
  }

  /** The next message that is here; `undefined` behind the last one. */
  #take(): Uint8Array | undefined {
    const { problem } = this.#stream;
    if (problem) throw new BadRequest(problem);
    return this.#stream.take();
  }

  #limitRequestWait(): void {
    const { requestWaitMs } = this.#rules;
    if (this.#hasEnded) return;
    this.#requestWait = new Alarm(systemClock, () => {
      this.end(new MeshError("timeout", `No request came within ${requestWaitMs / 1000} s`));
    });
    this.#requestWait.arm(systemClock.monotonicMs() + requestWaitMs);
  }

  async #write(response: Uint8Array): Promise<void> {
    if (this.#gone) throw this.#gone;
    if (this.#send(response)) return;
    await this.#stream.roomy();
    if (this.#gone) throw this.#gone;
  }

  #send(response: Uint8Array): boolean {
    if (response.length > MESSAGE_BYTES_MAX) {
      throw new MeshError("exhausted", `The response is larger than ${MESSAGE_BYTES_MAX} bytes`);
    }
    return this.#hasEnded || this.#stream.write(response);
  }

  #finish(): void {
    if (this.#enterEnd()) this.#stream.finish([...this.#trailers ?? []]);
  }

  #fail(error: unknown): void {
    if (!this.#enterEnd()) return;
    if (error instanceof BadRequest) return this.#stream.fail(error.status, []);
    const { code, message, trailers } = statusOf(error);
    const fields = new Map(this.#trailers);
    for (const [name, value] of trailers) fields.set(...checkedField(name, value));
    this.#stream.fail({ code, message }, [...fields] satisfies HeaderField[]);
  }

  /** The caller is gone: there is nobody to send a status to. */
  #giveUp(): void {
    if (!this.#enterEnd()) return;
    const isLate = systemClock.wallMs() >= this.deadlineWallMs;
    this.#leave(isLate ? tooLate() : new MeshError("unavailable", "The caller is gone"));
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
    this.#requestWait?.[Symbol.dispose]();
    return true;
  }

  #report(failure: unknown, durationMs: number): void {
    const fields = { method: this.methodPath, peer: this.peer.address, durationMs: Math.round(durationMs) };
    if (failure === undefined) return this.#rules.log.debug("call served", fields);
    if (failure instanceof BadRequest) return this.#rules.log.debug("call refused", { ...fields, ...failure.status });
    const { code, message, isUnexpected } = statusOf(failure);
    // A handler that was told to stop may fail in any way it likes.
    if (!isUnexpected || this.#gone) {
      return this.#rules.log.debug("call refused", { ...fields, code, reason: message });
    }
    this.#rules.log.error("call failed", { ...fields, code, stack: stackOf(failure) });
  }
}

/** What came is no request; the caller is told in gRPC's own terms. */
class BadRequest extends Error {
  override readonly name = "BadRequest";
  readonly status: StreamStatus;

  constructor(status: StreamStatus) {
    super(status.message);
    this.status = status;
  }
}

function tooLate(): MeshError {
  return new MeshError("timeout", "The caller's deadline has passed");
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
