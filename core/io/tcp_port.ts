/**
 * A TCP port of the control thread: each connection is served by a function, and closed when that settles.
 *
 * @module
 */
import { ConfigError } from "../plugin/errors.ts";
import type { ListenAddress, OnConnection, SocketPeer, TcpConnection, TcpPort } from "../plugin/listen.ts";
import { delay } from "./alarm.ts";
import { bindErrorText } from "./bind_error.ts";

/** Descriptors may have run out: the next attempt to accept is this much later, in milliseconds. */
const ACCEPT_AGAIN_MS = 100;

/**
 * Listens until the result is disposed, which closes all connections.
 *
 * @throws {ConfigError} If the address cannot be bound.
 */
export function openTcpPort(
  { host, port }: ListenAddress,
  connectionsMax: number,
  onConnection: OnConnection,
): TcpPort {
  try {
    return new AcceptingPort(Deno.listen({ hostname: host, port }), connectionsMax, onConnection);
  } catch (error) {
    throw new ConfigError(...bindErrorText(host, port, error));
  }
}

class AcceptingPort implements TcpPort {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #onConnection: OnConnection;
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #accepting: Promise<void>;

  constructor(listener: Deno.TcpListener, connectionsMax: number, onConnection: OnConnection) {
    this.#listener = listener;
    this.#onConnection = onConnection;
    this.port = listener.addr.port;
    this.#accepting = this.#accept(connectionsMax);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stop.signal.aborted) {
      this.#stop.abort();
      this.#listener.close();
      for (const connection of this.#connections.keys()) connection[Symbol.dispose]();
    }
    await this.#accepting;
  }

  async #accept(connectionsMax: number): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const connection = new Connection(await this.#listener.accept());
        if (this.#connections.size >= connectionsMax) connection[Symbol.dispose]();
        else this.#serve(connection);
      } catch {
        if (!signal.aborted) await delay(ACCEPT_AGAIN_MS, signal).catch(() => {});
      }
    }
  }

  #serve(connection: Connection): void {
    const served = (async () => await this.#onConnection(connection, this.#stop.signal))()
      // Who serves it has been told; a connection that failed is closed like any other.
      .catch(() => {})
      .finally(() => {
        connection[Symbol.dispose]();
        this.#connections.delete(connection);
      });
    this.#connections.set(connection, served);
  }
}

class Connection implements TcpConnection {
  readonly remote: SocketPeer;
  readonly #inner: Deno.TcpConn;
  #isClosed = false;

  constructor(inner: Deno.TcpConn) {
    this.#inner = inner;
    this.remote = { host: inner.remoteAddr.hostname, port: inner.remoteAddr.port };
  }

  async read(into: Uint8Array): Promise<number | undefined> {
    return await this.#inner.read(into) ?? undefined;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) written += await this.#inner.write(bytes.subarray(written));
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#inner.close();
  }
}
