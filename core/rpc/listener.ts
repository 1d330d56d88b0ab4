/**
 * One gRPC listener: a TCP address or a Unix socket, its connections and the calls on them.
 *
 * A call travels in this order: `core/io/http2_server.ts` (connections, streams) -> `grpc_stream.ts` (messages) ->
 * `server_call.ts` -> `handler.ts`, and back. Nothing is decoded before the handler, and there is one path for calls of
 * every kind.
 *
 * @module
 */
import { status } from "@grpc/grpc-js";
import { delay } from "../io/alarm.ts";
import { type Http2Fields, type Http2Peer, Http2Server, type Http2Stream } from "../io/http2_server.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RpcPeer } from "../plugin/rpc.ts";
import type { ListenCredentials } from "./credentials.ts";
import { GrpcStream } from "./grpc_stream.ts";
import {
  CALLS_PER_LISTENER_MAX,
  CONNECTION_IDLE_MS,
  FIELDS_MAX,
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  STOP_FLUSH_MS,
  STREAMS_PER_CONNECTION_MAX,
} from "./limits.ts";
import type { MethodEntry } from "./method_table.ts";
import { RequestWaits } from "./request_waits.ts";
import { type CallRules, ServerCall } from "./server_call.ts";

/** A listener that accepts connections until it is stopped. */
export class Listener {
  readonly #http2: Http2Server;
  readonly #transport: RpcPeer["transport"];
  readonly #rules: CallRules;
  readonly #waits: RequestWaits<ServerCall>;
  readonly #calls = new Set<ServerCall>();
  #methods: ReadonlyMap<string, MethodEntry> = new Map();
  #isStopping = false;

  constructor(transport: RpcPeer["transport"], rules: CallRules) {
    this.#transport = transport;
    this.#rules = rules;
    this.#waits = new RequestWaits(rules.requestWaitMs, (call) => call.late());
    this.#http2 = new Http2Server({
      streamsPerConnectionMax: STREAMS_PER_CONNECTION_MAX,
      fieldsMax: FIELDS_MAX,
      keepaliveMs: KEEPALIVE_TIME_MS,
      keepaliveTimeoutMs: KEEPALIVE_TIMEOUT_MS,
      idleMs: CONNECTION_IDLE_MS,
    }, (stream, fields, peer) => this.#open(stream, fields, peer));
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
   * Starts to accept connections on a TCP address.
   *
   * @param host A name or address, IPv6 without brackets.
   * @returns The bound port.
   * @throws {Error} With the system's error code in its message.
   */
  bind(host: string, port: number, credentials: ListenCredentials): Promise<number> {
    if (credentials.kind === "insecure") return this.#http2.listen({ kind: "tcp", host, port });
    const { cert, key, ca, mtls } = credentials;
    return this.#http2.listen({ kind: "tcp", host, port, tls: { cert, key, ca, mustShow: mtls } });
  }

  /**
   * Starts to accept connections on a Unix socket.
   *
   * @throws {Error} With the system's error code in its message.
   */
  async bindUnix(path: string): Promise<void> {
    await this.#http2.listen({ kind: "unix", path });
  }

  /**
   * Takes no new calls, lets those under way end for at most `graceMs`, then ends them with UNAVAILABLE and cuts all
   * connections. Resolves when the last connection is closed.
   */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const closed = new AbortController();
    const allClosed = this.#http2.close();
    allClosed.then(() => closed.abort());
    await pause(graceMs, closed.signal);
    for (const call of this.#calls) call.end(stopping());
    if (!closed.signal.aborted) await pause(STOP_FLUSH_MS, closed.signal);
    this.#http2.destroy();
    await allClosed;
    this.#waits[Symbol.dispose]();
  }

  #open(stream: Http2Stream, fields: Http2Fields, peer: Http2Peer): void {
    const grpc = new GrpcStream(stream, fields);
    const { httpRefusal } = grpc;
    if (httpRefusal !== undefined) return grpc.refuse(httpRefusal);
    if (grpc.refusal) return grpc.fail(grpc.refusal, undefined);
    const method = this.#methods.get(grpc.path);
    if (!method) return grpc.fail({ code: status.UNIMPLEMENTED, message: `No such method: ${grpc.path}` }, undefined);
    this.#serve(new ServerCall(grpc, method, this.#peerOf(peer), this.#rules, this.#waits));
  }

  async #serve(call: ServerCall): Promise<void> {
    if (this.#isStopping) return call.end(stopping());
    if (this.#calls.size >= CALLS_PER_LISTENER_MAX) {
      return call.end(new MeshError("exhausted", `More than ${CALLS_PER_LISTENER_MAX} calls at one time`));
    }
    this.#calls.add(call);
    await call.run();
    this.#calls.delete(call);
  }

  #peerOf({ address, identity }: Http2Peer): RpcPeer {
    if (this.#transport === "unix") return { address: "unix", transport: "unix", identity: undefined };
    return { address, transport: this.#transport, identity };
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
