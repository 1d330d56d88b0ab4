/**
 * The configuration socket of one interface, where `wg` looks for it (https://www.wireguard.com/xplatform/).
 *
 * Whoever can connect may read the interface's keys and change it: the socket and its directory are root's alone.
 *
 * @module
 */
import { type UnixConnection, UnixListener } from "../io/unix_listener.ts";
import type { Log } from "../seams/log.ts";
import { serveUapi, type UapiHandler } from "./uapi_session.ts";

/** Where `wg` looks for sockets. */
export const UAPI_DIRECTORY = "/var/run/wireguard";
/** Connections at one time; one more is closed at once. */
export const UAPI_CONNECTIONS_MAX = 64;

/** What a server is made of. */
export interface UapiServerOptions {
  readonly interfaceName: string;
  readonly handler: UapiHandler;
  readonly log: Log;
  /** Instead of {@linkcode UAPI_DIRECTORY}. */
  readonly directory?: string;
}

/** A server that answers until it is disposed. */
export class UapiServer implements AsyncDisposable {
  readonly #listener: UnixListener;
  readonly #handler: UapiHandler;
  readonly #log: Log;
  readonly #connections = new Map<UnixConnection, Promise<void>>();
  readonly #accepting: Promise<void>;

  private constructor(listener: UnixListener, { handler, log }: UapiServerOptions) {
    this.#listener = listener;
    this.#handler = handler;
    this.#log = log;
    this.#accepting = this.#accept();
  }

  /**
   * Listens on `<directory>/<interface>.sock`.
   *
   * @throws {ConfigError} If another program does.
   * @throws {MeshError} `permission-denied` if this process may not.
   */
  static async open(options: UapiServerOptions): Promise<UapiServer> {
    const { interfaceName, directory = UAPI_DIRECTORY } = options;
    return new UapiServer(await UnixListener.open(`${directory}/${interfaceName}.sock`), options);
  }

  /** Where it listens. */
  get path(): string {
    return this.#listener.path;
  }

  /** Resolves when somebody removed the socket: by custom this asks the program to end. */
  get removed(): Promise<void> {
    return this.#listener.removed;
  }

  /** Closes all connections and removes the socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener[Symbol.asyncDispose]();
    await this.#accepting;
    const open = [...this.#connections];
    this.#connections.clear();
    for (const [connection] of open) connection[Symbol.dispose]();
    await Promise.all(open.map(([, end]) => end));
  }

  async #accept(): Promise<void> {
    for (let next = await this.#listener.accept(); next; next = await this.#listener.accept()) {
      const connection = next;
      if (this.#connections.size >= UAPI_CONNECTIONS_MAX) {
        connection[Symbol.dispose]();
        this.#log.warn("too many configuration connections", { connectionsMax: UAPI_CONNECTIONS_MAX });
        continue;
      }
      this.#connections.set(connection, this.#serve(connection));
    }
  }

  async #serve(connection: UnixConnection): Promise<void> {
    await serveUapi(connection, this.#handler, this.#log);
    if (this.#connections.delete(connection)) connection[Symbol.dispose]();
  }
}
