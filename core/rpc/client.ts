/**
 * The gRPC client: how one node, or the `weft` command, calls a node.
 *
 * A call makes at most one attempt to connect, and what may have been served is never sent twice: repeating is the
 * caller's decision. A client connects with its first call and again when a later call finds the connection gone.
 *
 * @module
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { status, type StatusObject } from "@grpc/grpc-js";
import type { RpcMetadata } from "../plugin/rpc.ts";
import { type CallOptions, ClientCall } from "./client_call.ts";
import { ClientChannel, type RpcTarget } from "./client_channel.ts";
import type { RpcCredentials } from "./credentials.ts";
import { UNARY_DEADLINE_MS } from "./limits.ts";
import { methodPath } from "./method_table.ts";
import { DEADLINE_PASSED_TEXT, errorOf, unreachableError } from "./status.ts";
import type { RpcError } from "./rpc_error.ts";

/** An answer with what came along. */
export interface UnaryAnswer<Message> {
  readonly message: Message;
  readonly headers: RpcMetadata;
  readonly trailers: RpcMetadata;
}

/**
 * Makes a client; nothing is dialled yet.
 *
 * @throws {ConfigError} If `credentials` have a certificate without key or the reverse.
 */
export function connect(target: RpcTarget, credentials: RpcCredentials): RpcClient {
  return new RpcClient(target, credentials);
}

/** A client of one server; see {@linkcode connect}. Disposing it cancels its calls and closes the connection. */
export class RpcClient implements AsyncDisposable {
  readonly #target: RpcTarget;
  readonly #credentials: RpcCredentials;
  readonly #calls = new Map<ClientCall, ClientChannel>();
  readonly #closing = new Set<Promise<void>>();
  #channel: ClientChannel | undefined;
  #isClosed = false;

  /** See {@linkcode connect}. */
  constructor(target: RpcTarget, credentials: RpcCredentials) {
    this.#target = target;
    this.#credentials = credentials;
    this.#channel = new ClientChannel(target, credentials);
  }

  /**
   * Calls a method with one request and one response, for at most {@linkcode UNARY_DEADLINE_MS} unless told otherwise.
   *
   * @throws {RpcError} If the call does not end well.
   */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: CallOptions = {},
  ): Promise<UnaryAnswer<MessageShape<O>>> {
    const bytes = toBinary(method.input, create(method.input, request));
    const { message, headers, trailers } = await this.unaryBytes(methodPath(method), bytes, options);
    return { message: decode(method.output, message), headers, trailers };
  }

  /** The same for a serialised request, by the method's path. */
  async unaryBytes(path: string, request: Uint8Array, options: CallOptions = {}): Promise<UnaryAnswer<Uint8Array>> {
    const call = this.streamBytes(path, once(request), { deadlineMs: UNARY_DEADLINE_MS, ...options });
    const responses = await Array.fromAsync(call);
    const [message] = responses;
    if (message === undefined || responses.length > 1) {
      throw errorOf(status.UNIMPLEMENTED, `${path} gave ${responses.length} responses instead of one`, new Map());
    }
    return { message, headers: await call.headers ?? new Map(), trailers: await call.trailers };
  }

  /**
   * Calls a method of any kind. Without a deadline unless told otherwise.
   *
   * @returns The responses. The iteration throws an {@linkcode RpcError} if the call does not end well.
   */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { readonly input: I; readonly output: O },
    requests: AsyncIterable<MessageInitShape<I>>,
    options: CallOptions = {},
  ): AsyncGenerator<MessageShape<O>> {
    const bytes = encoded(method.input, requests);
    for await (const response of this.streamBytes(methodPath(method), bytes, options)) {
      yield decode(method.output, response);
    }
  }

  /** The same for serialised requests, by the method's path. */
  streamBytes(path: string, requests: AsyncIterable<Uint8Array>, options: CallOptions = {}): ClientCall {
    if (this.#isClosed) throw unreachableError("unavailable", "The client is closed");
    const channel = this.#channel ??= new ClientChannel(this.#target, this.#credentials);
    const call: ClientCall = new ClientCall(channel.grpc, path, requests, options, (ended) => {
      this.#calls.delete(call);
      return this.#settle(channel, ended);
    });
    this.#calls.set(call, channel);
    return call;
  }

  /** See the class. Resolves when nothing is left of the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const call of this.#calls.keys()) call.cancel();
    if (this.#channel) this.#drop(this.#channel);
    await Promise.all(this.#closing);
  }

  /** After a call: drops a channel that is of no more use, and says better what the call's failure was about. */
  #settle(channel: ClientChannel, { code, details }: StatusObject): RpcError | undefined {
    const { hasFailed, isDialling } = channel;
    const isUnused = [...this.#calls.values()].every((other) => other !== channel);
    if (hasFailed || (isUnused && isDialling)) this.#drop(channel);
    if (hasFailed && code === status.UNAVAILABLE) return unreachable(this.#target, details);
    // The library's words, or the server's if it looked at its clock first.
    const isLate = details.startsWith("Deadline exceeded") || details === DEADLINE_PASSED_TEXT;
    if (code !== status.DEADLINE_EXCEEDED || !isLate) return undefined;
    const what = isDialling ? `Cannot reach ${nameOf(this.#target)}: no connection in time` : "No answer in time";
    return errorOf(code, what, new Map());
  }

  #drop(channel: ClientChannel): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    const closed = channel.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

/** @param details Such as `No connection established. Last error: Error: connect ECONNREFUSED …. Resolution note: `. */
function unreachable(target: RpcTarget, details: string): RpcError {
  const why = /Last error: (?:Error: )?(.*?)(?: \(\d{4}-[^)]*\))?\. Resolution note:/s.exec(details)?.[1] ?? details;
  if ("socketPath" in target && /\b(ENOENT|ECONNREFUSED)\b/.test(why)) {
    return unreachableError("not-running", `No node listens on ${nameOf(target)}`);
  }
  if ("socketPath" in target && /\b(EACCES|EPERM)\b/.test(why)) {
    return unreachableError("permission-denied", `Not allowed to use the socket ${nameOf(target)}`);
  }
  return unreachableError("unavailable", `Cannot reach ${nameOf(target)}: ${why}`);
}

function nameOf(target: RpcTarget): string {
  return "address" in target ? target.address : `"${target.socketPath}"`;
}

function decode<O extends DescMessage>(schema: O, bytes: Uint8Array): MessageShape<O> {
  try {
    return fromBinary(schema, bytes);
  } catch {
    throw errorOf(status.INTERNAL, `The answer is not a ${schema.typeName}`, new Map());
  }
}

async function* encoded<I extends DescMessage>(
  schema: I,
  requests: AsyncIterable<MessageInitShape<I>>,
): AsyncGenerator<Uint8Array> {
  for await (const request of requests) yield toBinary(schema, create(schema, request));
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item;
}
