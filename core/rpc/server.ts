/**
 * The gRPC server of a node: what listens, which services are there, and how it stops.
 *
 * Two listeners share the services: TCP for the mesh and for clients, plaintext or TLS; a Unix socket for the user that
 * runs the node. Reflection and health are served on both. Services that are of local use only exist on the socket.
 *
 * @module
 */
import { runtimeInfo } from "../io/process.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { RpcContext, RpcInterceptor, RpcService } from "../plugin/rpc.ts";
import type { Log } from "../seams/log.ts";
import { type ListenCredentials, serverCredentials } from "./credentials.ts";
import { Health, healthService } from "./health.ts";
import { REQUEST_WAIT_MS, STOP_GRACE_MS } from "./limits.ts";
import { Listener } from "./listener.ts";
import { isLocalOnly, methodTable, type UnservedService } from "./method_table.ts";
import { reflectionServices } from "./reflection.ts";
import { checkRuntimeVersion } from "./runtime_version.ts";
import type { CallRules, MembershipCheck } from "./server_call.ts";
import type { SocketFiles } from "./socket_files.ts";

/** Linux: `sun_path` less its final zero. */
const SOCKET_PATH_BYTES_MAX = 107;

/** A TCP address to listen on. */
export interface TcpListen {
  /** A name or address, IPv6 without brackets; `::` for all addresses of both families. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly credentials: ListenCredentials;
}

/** A Unix socket to listen on. */
export interface UnixListen {
  readonly path: string;
  readonly files: SocketFiles;
}

/** What {@linkcode RpcServer.start} needs. */
export interface RpcServerOptions {
  readonly tcp: TcpListen | undefined;
  readonly unix: UnixListen | undefined;
  readonly services: readonly RpcService[];
  /** Services of other nodes whose calls interceptors may want to forward. */
  readonly unserved?: readonly UnservedService[];
  /** From the outermost to the one next to the handlers. */
  readonly interceptors?: readonly RpcInterceptor[];
  /** Who may call `member` methods; {@linkcode isVouchedFor} unless the node knows more. */
  readonly isMember?: MembershipCheck;
  readonly log: Log;
}

/**
 * The membership check that needs no knowledge of the mesh: the Unix socket and verified client certificates count, and
 * so does everybody where the operator has chosen plaintext. With TLS, a caller without certificate is a stranger.
 */
export function isVouchedFor({ peer }: RpcContext): boolean {
  return peer.transport !== "tls" || peer.identity !== undefined;
}

/** A running server. Disposing it is {@linkcode RpcServer.stop} with the usual grace. */
export class RpcServer implements AsyncDisposable {
  readonly #listeners = new Set<Listener>();
  /** What the health service reports; SERVING from the start. */
  readonly health: Health;
  #port = 0;
  #stopped: Promise<void> | undefined;

  private constructor(health: Health) {
    this.health = health;
  }

  /**
   * Checks everything and starts all listeners, or none.
   *
   * @throws {ConfigError} For a runtime that cannot serve gRPC, services that contradict each other, and addresses that
   * cannot be bound; it says what to change.
   */
  static async start(options: RpcServerOptions): Promise<RpcServer> {
    checkRuntimeVersion(runtimeInfo().denoVersion);
    const names = options.services.map(({ service }) => service.typeName);
    const server = new RpcServer(new Health(names));
    try {
      if (options.unix) await server.#listenUnix(options, options.unix);
      if (options.tcp) await server.#listenTcp(options, options.tcp);
    } catch (error) {
      await server.stop(0);
      throw error;
    }
    return server;
  }

  /** The bound TCP port; 0 without a TCP listener. */
  get port(): number {
    return this.#port;
  }

  /**
   * Reports NOT_SERVING, takes no new calls, lets those under way end for at most `graceMs`, then ends them. Resolves
   * when all connections are closed. A second call waits for the first.
   */
  stop(graceMs: number = STOP_GRACE_MS): Promise<void> {
    this.health.shutDown();
    this.#stopped ??= Promise.all([...this.#listeners].map((listener) => listener.stop(graceMs))).then(() => {});
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #listenTcp(options: RpcServerOptions, { host, port, credentials }: TcpListen): Promise<void> {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    const services = options.services.filter((service) => !isLocalOnly(service));
    const listener = this.#listener(credentials.kind === "tls" ? "tls" : "plaintext", services, options);
    const secured = serverCredentials(credentials);
    try {
      this.#port = await listener.bind(address, secured);
    } catch (error) {
      throw bindError(address, error, TCP_HINTS);
    }
  }

  async #listenUnix(options: RpcServerOptions, { path, files }: UnixListen): Promise<void> {
    if (new TextEncoder().encode(path).length > SOCKET_PATH_BYTES_MAX) {
      throw new ConfigError(`Cannot listen on "${path}": longer than ${SOCKET_PATH_BYTES_MAX} bytes`);
    }
    const state = await files.probe(path);
    if (state === "live") {
      throw new ConfigError(`Cannot listen on "${path}": a running node does`, "Stop it, or choose another directory.");
    }
    if (state === "other") throw new ConfigError(`Cannot listen on "${path}": a file that is no socket is there`);
    if (state === "stale") await files.remove(path);
    const listener = this.#listener("unix", options.services, options);
    try {
      await listener.bind(`unix:${path}`, serverCredentials({ kind: "insecure" }));
    } catch (error) {
      throw bindError(path, error, UNIX_HINTS);
    }
    await files.restrict(path);
  }

  #listener(transport: "unix" | "plaintext" | "tls", services: readonly RpcService[], options: RpcServerOptions) {
    const served = [...services, healthService(this.health)];
    const all = [...served, ...reflectionServices(served)];
    const rules: CallRules = {
      interceptors: options.interceptors ?? [],
      isMember: options.isMember ?? isVouchedFor,
      requestWaitMs: REQUEST_WAIT_MS,
      log: options.log,
    };
    const listener = new Listener(transport, methodTable(all, options.unserved).values(), rules);
    this.#listeners.add(listener);
    return listener;
  }
}

/** Why an address cannot be bound and what to do, by the system's name for the reason. */
type BindHints = Readonly<Record<string, readonly [why: string, hint: string]>>;

const NOT_OUR_ADDRESS = [
  "this host does not have that address",
  "Choose an address of this host, or [::] for all.",
] as const;

const TCP_HINTS: BindHints = {
  EADDRINUSE: ["the address is in use", "Stop the program that listens there, or choose another port."],
  EACCES: ["permission denied", "Choose a port from 1024 on, or run as root."],
  EADDRNOTAVAIL: NOT_OUR_ADDRESS,
  // What Deno makes of EADDRNOTAVAIL.
  EINVAL: NOT_OUR_ADDRESS,
};

const UNIX_HINTS: BindHints = {
  EADDRINUSE: ["another process has just taken it", "Stop the other node, or choose another directory."],
  EACCES: ["permission denied", "Choose a directory that this user may write to."],
  ENOENT: ["its directory does not exist", "Create the directory first."],
};

function bindError(address: string, cause: unknown, hints: BindHints): ConfigError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const known = Object.entries(hints).find(([code]) => text.includes(code))?.[1];
  return known
    ? new ConfigError(`Cannot listen on ${address}: ${known[0]}`, known[1])
    : new ConfigError(`Cannot listen on ${address}: ${text}`);
}
