/**
 * One call as a client makes it: serialised messages both ways, whatever the method's kind.
 *
 * @module
 */
import { type Client, type ClientDuplexStream, type Metadata, status, type StatusObject } from "@grpc/grpc-js";
import { systemClock } from "../io/clock.ts";
import type { RpcMetadata } from "../plugin/rpc.ts";
import { asBuffer, asBytes } from "./byte_codec.ts";
import { fromGrpc, toGrpc } from "./metadata.ts";
import type { RpcError } from "./rpc_error.ts";
import { errorOf } from "./status.ts";

/** Options of a call. */
export interface CallOptions {
  /** Sent ahead of the request. Printable ASCII; base64 under names that end in `-bin`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** How long to wait for the end of the call, in milliseconds. */
  readonly deadlineMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

/**
 * A call under way. Iterating it yields the response messages and ends with the call; leaving the iteration early
 * cancels the call. It must be iterated, once.
 */
export class ClientCall implements AsyncIterable<Uint8Array> {
  readonly #stream: ClientDuplexStream<Uint8Array, Uint8Array>;
  readonly #headers = Promise.withResolvers<RpcMetadata | undefined>();
  readonly #ended = Promise.withResolvers<StatusObject>();
  /** What the iteration throws, if that is not the status. */
  #failure: { readonly cause: unknown } | undefined;

  /**
   * Starts the call.
   *
   * @param onEnd Called once, with the status, before the iteration ends; may return a better error for it.
   */
  constructor(
    grpc: Client,
    path: string,
    requests: AsyncIterable<Uint8Array>,
    options: CallOptions,
    onEnd: (status: StatusObject) => RpcError | undefined,
  ) {
    const metadata = toGrpc(Object.entries(options.metadata ?? {}));
    const deadline = options.deadlineMs === undefined ? Infinity : systemClock.wallMs() + options.deadlineMs;
    this.#stream = grpc.makeBidiStreamRequest(path, asBuffer, asBytes, metadata, { deadline });
    this.#stream.on("metadata", (headers: Metadata) => this.#headers.resolve(fromGrpc(headers)));
    // The status says the same and comes right after it.
    this.#stream.on("error", () => {});
    const cancel = () => this.cancel();
    this.#stream.on("status", (ended: StatusObject) => {
      options.signal?.removeEventListener("abort", cancel);
      const better = onEnd(ended);
      if (better) this.#failure = { cause: better };
      this.#headers.resolve(undefined);
      this.#ended.resolve(ended);
    });
    options.signal?.addEventListener("abort", cancel);
    if (options.signal?.aborted) this.cancel();
    this.#send(requests).catch((cause) => {
      this.#failure ??= { cause };
      this.cancel();
    });
  }

  /** Initial metadata, when it has come; `undefined` if the call ended without. */
  get headers(): Promise<RpcMetadata | undefined> {
    return this.#headers.promise;
  }

  /** Trailing metadata, when the call has ended, well or not. */
  get trailers(): Promise<RpcMetadata> {
    return this.#ended.promise.then(({ metadata }) => fromGrpc(metadata));
  }

  /** Ends the call with CANCELLED, unless it has ended. */
  cancel(): void {
    this.#stream.cancel();
  }

  /** @throws {RpcError} If the call ends with another status than OK; what `requests` threw, if they did. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#responses();
      const { code, details, metadata } = await this.#ended.promise;
      if (this.#failure) throw this.#failure.cause;
      if (code !== status.OK) throw errorOf(code, details, fromGrpc(metadata));
    } finally {
      this.cancel();
    }
  }

  async *#responses(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#stream.iterator({ destroyOnReturn: false });
    } catch {
      // How the call ended is told by its status.
    }
  }

  async #send(requests: AsyncIterable<Uint8Array>): Promise<void> {
    let hasEnded = false;
    const ended = this.#ended.promise.then(() => {
      hasEnded = true;
    });
    const messages = requests[Symbol.asyncIterator]();
    while (!hasEnded) {
      const next = await Promise.race([messages.next(), ended]);
      if (!next) break;
      if (next.done) return void this.#stream.end();
      if (!this.#stream.write(next.value)) {
        await Promise.race([new Promise((resolve) => this.#stream.once("drain", resolve)), ended]);
      }
    }
    await messages.return?.();
  }
}
