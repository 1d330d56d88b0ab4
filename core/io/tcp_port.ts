/**
 * A TCP port of the control thread: each connection is served by a function, and closed when that settles.
 *
 * By `node:net` and not by `Deno.listen`: there, a connection that is closed while it waits to write stays open until the other
 * side takes what was written, which may be never.
 *
 * @module
 */
import net from "node:net";
import { assert } from "../assert.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { ListenAddress, OnConnection, SocketPeer, TcpConnection, TcpPort } from "../plugin/listen.ts";
import { openAtAny } from "./any_address.ts";
import { bindErrorText } from "./bind_error.ts";

/**
 * Listens until the result is disposed, which closes all connections.
 *
 * @throws {ConfigError} If the address cannot be bound.
 */
export async function openTcpPort(
  { host, port }: ListenAddress,
  connectionsMax: number,
  onConnection: OnConnection,
): Promise<TcpPort> {
  try {
    return await openAtAny(host, async (host) => {
      const server = await listen(host, port);
      return new AcceptingPort(server, connectionsMax, onConnection);
    });
  } catch (error) {
    throw new ConfigError(...bindErrorText(host, port, error));
  }
}

async function listen(host: string, port: number): Promise<net.Server> {
  // Who has said all that he has to say may still be answered.
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host, port }, resolve);
  await promise;
  server.removeListener("error", reject);
  // Descriptors may have run out for a moment.
  server.on("error", () => {});
  return server;
}

class AcceptingPort implements TcpPort {
  readonly host: string;
  readonly port: number;
  readonly #server: net.Server;
  readonly #onConnection: OnConnection;
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #stop = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(server: net.Server, connectionsMax: number, onConnection: OnConnection) {
    const address = server.address();
    this.#server = server;
    this.#onConnection = onConnection;
    assert(typeof address === "object" && address !== null, "It listens on an address");
    this.host = address.address;
    this.port = address.port;
    server.on("connection", (socket: net.Socket) => {
      const connection = new Connection(socket);
      if (this.#stop.signal.aborted || this.#connections.size >= connectionsMax) connection[Symbol.dispose]();
      else this.#serve(connection);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const connection of this.#connections.keys()) connection[Symbol.dispose]();
    await promise;
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
  readonly #socket: net.Socket;
  #isEnded = false;
  #onChange: (() => void) | undefined;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.remote = { host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    const changed = () => this.#onChange?.();
    // That it is gone is said by what is read or written next.
    socket.on("error", () => {});
    socket.on("close", changed);
    socket.on("readable", changed);
    socket.on("end", () => {
      this.#isEnded = true;
      changed();
    });
  }

  async read(into: Uint8Array): Promise<number | undefined> {
    for (;;) {
      const available = Math.min(this.#socket.readableLength, into.length);
      const bytes: Uint8Array | null = available > 0 ? this.#socket.read(available) : this.#socket.read();
      if (bytes) {
        into.set(bytes);
        return bytes.length;
      }
      if (this.#isEnded) return undefined;
      if (this.#socket.destroyed) throw new Error("The connection is closed");
      await new Promise<void>((resolve) => this.#onChange = resolve);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket.write(bytes, (error) => error ? reject(error) : resolve());
    await promise;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
