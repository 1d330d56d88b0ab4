/**
 * One gRPC listener: a TCP address or a Unix socket, its connections and the calls on them.
 *
 * The HTTP/2 server is grpc-js. Methods are registered with identity serialisers, so that nothing is decoded before the
 * handler, and all as if they streamed both ways, so that there is one path for calls of every kind.
 *
 * @module
 */
import { logVerbosity, Server, type ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { assert } from "../assert.ts";
import { delay } from "../io/alarm.ts";
import { UnixStreamListener } from "../io/unix_stream.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RpcPeer } from "../plugin/rpc.ts";
import { asBuffer, asBytes } from "./byte_codec.ts";
import {
  CALLS_PER_LISTENER_MAX,
  CONNECTION_IDLE_MS,
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  MESSAGE_BYTES_MAX,
  STOP_FLUSH_MS,
  STREAMS_PER_CONNECTION_MAX,
} from "./limits.ts";
import type { MethodEntry } from "./method_table.ts";
import { type ByteStream, type CallRules, ServerCall } from "./server_call.ts";

/** A listener that accepts connections until it is stopped. */
export class Listener {
  readonly #server: Server;
  readonly #transport: RpcPeer["transport"];
  readonly #rules: CallRules;
  readonly #calls = new Set<ServerCall>();
  #methods: ReadonlyMap<string, MethodEntry> = new Map();
  #unix: UnixStreamListener | undefined;
  #isStopping = false;

  constructor(transport: RpcPeer["transport"], rules: CallRules) {
    // What the library has to say reaches the caller or the operator as an error; it must not also write to the console.
    setLogVerbosity(logVerbosity.NONE);
    this.#transport = transport;
    this.#rules = rules;
    this.#server = new Server({
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
      "grpc.max_concurrent_streams": STREAMS_PER_CONNECTION_MAX,
      "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
      "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
      "grpc.max_connection_idle_ms": CONNECTION_IDLE_MS,
    });
  }

  /** Answers these methods from now on, by path. Calls under way of a method that has lost its handler end. */
  setMethods(methods: ReadonlyMap<string, MethodEntry>): void {
    const before = this.#methods;
    this.#methods = methods;
    for (const path of before.keys()) if (!methods.has(path)) this.#server.unregister(path);
    for (const path of methods.keys()) {
      if (before.has(path)) continue;
      this.#server.register(path, (stream: ByteStream) => this.#serve(stream, path), asBuffer, asBytes, "bidi");
    }
    for (const call of [...this.#calls]) {
      const handler = before.get(call.methodPath)?.handler;
      if (handler && methods.get(call.methodPath)?.handler !== handler) call.end(noLongerServed(call.methodPath));
    }
  }

  /**
   * Starts to accept connections.
   *
   * @param address `host:port`, with brackets around an IPv6 address.
   * @returns The bound port.
   * @throws {Error} With the system's error code in its message.
   */
  bind(address: string, credentials: ServerCredentials): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, port) => error ? reject(error) : resolve(port));
    });
  }

  /**
   * Starts to accept connections on a Unix socket.
   *
   * @throws {Error} With the system's error code in its message.
   */
  async bindUnix(path: string, credentials: ServerCredentials): Promise<void> {
    const http2 = this.#server.createConnectionInjector(credentials);
    this.#unix = await UnixStreamListener.open(path, (socket) => http2.injectConnection(socket));
  }

  /**
   * Takes no new calls, lets those under way end for at most `graceMs`, then ends them with UNAVAILABLE and cuts all
   * connections. Resolves when the last connection is closed.
   */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const unixClosed = this.#unix?.[Symbol.asyncDispose]();
    const closed = new AbortController();
    const allClosed = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    allClosed.then(() => closed.abort());
    await pause(graceMs, closed.signal);
    for (const call of this.#calls) call.end(stopping());
    if (!closed.signal.aborted) await pause(STOP_FLUSH_MS, closed.signal);
    if (!closed.signal.aborted) this.#server.forceShutdown();
    await Promise.all([allClosed, unixClosed]);
  }

  async #serve(stream: ByteStream, path: string): Promise<void> {
    const method = this.#methods.get(path);
    assert(method !== undefined, "Only methods of the table are registered");
    const call = new ServerCall(stream, method, this.#peerOf(stream), this.#rules);
    if (this.#isStopping) return call.end(stopping());
    if (this.#calls.size >= CALLS_PER_LISTENER_MAX) {
      return call.end(new MeshError("exhausted", `More than ${CALLS_PER_LISTENER_MAX} calls at one time`));
    }
    this.#calls.add(call);
    await call.run();
    this.#calls.delete(call);
  }

  #peerOf(stream: ByteStream): RpcPeer {
    if (this.#transport === "unix") return { address: "unix", transport: "unix", identity: undefined };
    const certificate = stream.getAuthContext().sslPeerCertificate;
    const name = certificate?.subject.CN;
    return { address: stream.getPeer(), transport: this.#transport, identity: Array.isArray(name) ? name[0] : name };
  }
}

function noLongerServed(path: string): MeshError {
  return new MeshError("unavailable", `${path} is no longer served by this node`);
}

function stopping(): MeshError {
  return new MeshError("unavailable", "The node is stopping");
}

/** Waits, at most until `signal` is aborted. */
function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return delay(delayMs, signal).catch(() => {});
}
