/**
 * One gRPC listener: a TCP address or a Unix socket, its connections and the calls on them.
 *
 * A call travels in this order through the files of this folder: `listener.ts` (socket) -> `h2_connection.ts` (frames,
 * streams) -> `grpc_stream.ts` (messages) -> `server_call.ts` -> `handler.ts`, and back. Nothing is decoded before the
 * handler, and there is one path for calls of every kind.
 *
 * @module
 */
import { status } from "@grpc/grpc-js";
import { Alarm, delay } from "../io/alarm.ts";
import {
  type ByteConnection,
  type ByteListener,
  type ByteTarget,
  type ByteTls,
  listenBytes,
} from "../io/byte_listener.ts";
import { systemClock } from "../io/clock.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RpcPeer } from "../plugin/rpc.ts";
import type { ListenCredentials } from "./credentials.ts";
import { GrpcStream } from "./grpc_stream.ts";
import { H2Connection, type H2Receiver, type H2Stream } from "./h2_connection.ts";
import type { HeaderField } from "./hpack.ts";
import {
  CALLS_PER_LISTENER_MAX,
  CONNECTION_IDLE_MS,
  CONNECTIONS_PER_LISTENER_MAX,
  HANDSHAKE_MS,
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  STOP_FLUSH_MS,
  STREAMS_PER_CONNECTION_MAX,
} from "./limits.ts";
import type { MethodEntry } from "./method_table.ts";
import { type CallRules, ServerCall } from "./server_call.ts";

/** Connections are looked after this often. */
const SWEEP_MS = 5_000;

/** One connection and what is known of it. */
interface Connection {
  readonly bytes: ByteConnection;
  readonly h2: H2Connection;
  readonly peer: RpcPeer;
  readonly startedMs: number;
  heardMs: number;
  usedMs: number;
  hasPinged: boolean;
}

/** A listener that accepts connections until it is stopped. */
export class Listener {
  readonly #transport: RpcPeer["transport"];
  readonly #rules: CallRules;
  readonly #calls = new Set<ServerCall>();
  readonly #connections = new Set<Connection>();
  readonly #sweep = new Alarm(systemClock, () => this.#lookAfter());
  #listener: ByteListener | undefined;
  #methods: ReadonlyMap<string, MethodEntry> = new Map();
  #isStopping = false;

  constructor(transport: RpcPeer["transport"], rules: CallRules) {
    this.#transport = transport;
    this.#rules = rules;
  }

  /** Answers these methods from now on, by path. Calls under way of a method that has lost its handler end. */
  setMethods(methods: ReadonlyMap<string, MethodEntry>): void {
    const before = this.#methods;
    this.#methods = methods;
    for (const call of [...this.#calls]) {
      const handler = before.get(call.methodPath)?.handler;
      if (handler && methods.get(call.methodPath)?.handler !== handler) call.end(noLongerServed(call.methodPath));
    }
  }

  /**
   * Starts to accept connections.
   *
   * @returns The bound port; 0 for a Unix socket.
   * @throws {Error} With the system's error code in its message.
   */
  async bind(target: ByteTarget, credentials: ListenCredentials): Promise<number> {
    this.#listener = await listenBytes(target, tlsOf(credentials), (bytes) => this.#accept(bytes));
    return this.#listener.port;
  }

  /**
   * Takes no new calls, lets those under way end for at most `graceMs`, then ends them with UNAVAILABLE and cuts all
   * connections. Resolves when the last connection is closed.
   */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#sweep[Symbol.dispose]();
    const closed = new AbortController();
    const allClosed = this.#listener?.close() ?? Promise.resolve();
    allClosed.then(() => closed.abort());
    for (const { h2 } of this.#connections) h2.shutDown();
    await pause(graceMs, closed.signal);
    for (const call of this.#calls) call.end(stopping());
    if (!closed.signal.aborted) await pause(STOP_FLUSH_MS, closed.signal);
    for (const { bytes } of this.#connections) bytes.destroy();
    await allClosed;
  }

  #accept(bytes: ByteConnection): void {
    if (this.#isStopping || this.#connections.size >= CONNECTIONS_PER_LISTENER_MAX) return bytes.destroy();
    const nowMs = systemClock.monotonicMs();
    const peer = this.#peerOf(bytes);
    const h2 = new H2Connection(
      bytes,
      { opened: (stream, fields) => this.#open(stream, fields, peer) },
      STREAMS_PER_CONNECTION_MAX,
    );
    const connection: Connection = {
      bytes,
      h2,
      peer,
      startedMs: nowMs,
      heardMs: nowMs,
      usedMs: nowMs,
      hasPinged: false,
    };
    this.#connections.add(connection);
    this.#sweep.arm(nowMs + SWEEP_MS);
    bytes.start({
      received: (piece) => {
        connection.heardMs = systemClock.monotonicMs();
        connection.hasPinged = false;
        h2.receive(piece);
      },
      drained: () => h2.drained(),
      closed: () => {
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#sweep.arm(Infinity);
        h2.closed();
      },
    });
  }

  #open(stream: H2Stream, fields: readonly HeaderField[], peer: RpcPeer): H2Receiver {
    const grpc = new GrpcStream(stream, fields);
    const { httpRefusal } = grpc;
    const method = this.#methods.get(grpc.path);
    if (httpRefusal !== undefined) grpc.refuse(httpRefusal);
    else if (grpc.refusal) grpc.fail(grpc.refusal, []);
    else if (!method) grpc.fail({ code: status.UNIMPLEMENTED, message: `No such method: ${grpc.path}` }, []);
    else this.#serve(new ServerCall(grpc, method, peer, this.#rules));
    return grpc;
  }

  async #serve(call: ServerCall): Promise<void> {
    if (this.#isStopping) return call.end(stopping());
    if (this.#calls.size >= CALLS_PER_LISTENER_MAX) {
      return call.end(new MeshError("exhausted", `More than ${CALLS_PER_LISTENER_MAX} calls at one time`));
    }
    this.#calls.add(call);
    // What comes with the headers is here by then.
    await undefined;
    await call.run();
    this.#calls.delete(call);
  }

  /** Ends connections that do not begin, that are dead, or that nobody uses. */
  #lookAfter(): void {
    const nowMs = systemClock.monotonicMs();
    for (const connection of [...this.#connections]) {
      const { bytes, h2, startedMs, heardMs } = connection;
      h2.forgive();
      if (h2.streamsCount > 0) connection.usedMs = nowMs;
      if (!h2.isOpen && nowMs - startedMs > HANDSHAKE_MS) bytes.destroy();
      else if (nowMs - heardMs > KEEPALIVE_TIME_MS + KEEPALIVE_TIMEOUT_MS) bytes.destroy();
      else if (nowMs - connection.usedMs > CONNECTION_IDLE_MS) h2.shutDown();
      else if (nowMs - heardMs > KEEPALIVE_TIME_MS && !connection.hasPinged) {
        connection.hasPinged = true;
        h2.ping();
      }
    }
    if (this.#connections.size > 0) this.#sweep.arm(nowMs + SWEEP_MS);
  }

  #peerOf({ remote, identity }: ByteConnection): RpcPeer {
    if (this.#transport === "unix") return { address: "unix", transport: "unix", identity: undefined };
    return { address: remote, transport: this.#transport, identity };
  }
}

function tlsOf(credentials: ListenCredentials): ByteTls | undefined {
  if (credentials.kind === "insecure") return undefined;
  const { cert, key, ca, mtls } = credentials;
  return { cert, key, ca, mustShow: mtls, protocols: ["h2"], handshakeTimeoutMs: HANDSHAKE_MS };
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
