/**
 * The gRPC server of a node: what listens, which services are there, and how it stops.
 *
 * Two listeners share the services: TCP for the mesh and for clients, plaintext or TLS; a Unix socket for the user that
 * runs the node. Reflection and health are served on both. Services that are of local use only exist on the socket.
 * Services and interceptors may come and go while it runs.
 *
 * @module
 */
import type { DescService } from "@bufbuild/protobuf";
import { openAtAny } from "../io/any_address.ts";
import { runtimeInfo } from "../io/process.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { RpcContext, RpcInterceptor, RpcPeer, RpcService } from "../plugin/rpc.ts";
import type { Log } from "../seams/log.ts";
import type { CallObserver } from "./call_observer.ts";
import type { ListenCredentials } from "./credentials.ts";
import { Health, healthService } from "./health.ts";
import { REQUEST_WAIT_MS, STOP_GRACE_MS } from "./limits.ts";
import { Listener } from "./listener.ts";
import { isLocalOnly, methodTable, type UnservedService } from "./method_table.ts";
import { Reflection } from "./reflection.ts";
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
  /** Services that no interceptor stands in front of: an operator must reach them whatever interceptors do. */
  readonly plain?: readonly DescService[];
  /** From the outermost to the one next to the handlers. */
  readonly interceptors?: readonly RpcInterceptor[];
  /** Who may call `member` methods; {@linkcode isVouchedFor} unless the node knows more. */
  readonly isMember?: MembershipCheck;
  /** Told about every call. */
  readonly observer?: CallObserver;
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
  readonly #options: RpcServerOptions;
  readonly #listeners = new Set<BoundListener>();
  #services: readonly RpcService[];
  #interceptors: readonly PlacedInterceptor[];
  /** The same without their places. */
  #chain: readonly RpcInterceptor[] = [];
  /** What paths of services without interceptors begin with. */
  readonly #plainPrefixes: readonly string[];
  /** What the health service reports; SERVING from the start. */
  readonly health: Health;
  /** One for good: a watch of health goes on while services come and go. */
  readonly #healthService: RpcService;
  #port = 0;
  #stopped: Promise<void> | undefined;

  private constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#services = options.services;
    this.#interceptors = (options.interceptors ?? []).map((interceptor) => ({ interceptor, place: 0 }));
    this.#chain = this.#interceptors.map(({ interceptor }) => interceptor);
    this.#plainPrefixes = (options.plain ?? []).map(({ typeName }) => `/${typeName}/`);
    this.health = new Health(options.services.map(({ service }) => service.typeName));
    this.#healthService = healthService(this.health);
  }

  /**
   * Checks everything and starts all listeners, or none.
   *
   * @throws {ConfigError} For a runtime that cannot serve gRPC, services that contradict each other, and addresses that
   * cannot be bound; it says what to change.
   */
  static async start(options: RpcServerOptions): Promise<RpcServer> {
    checkRuntimeVersion(runtimeInfo().denoVersion);
    const server = new RpcServer(options);
    try {
      if (options.unix) await server.#listenUnix(options.unix);
      if (options.tcp) await server.#listenTcp(options.tcp);
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
   * Serves one more service, until what is returned is disposed: calls of it that are then under way end with UNAVAILABLE.
   *
   * @throws {ConfigError} If a method has no handler or does not state who may call it, or the name is taken.
   */
  add(service: RpcService): Disposable {
    const services = [...this.#services, service];
    methodTable([...services, this.#healthService, ...new Reflection().services], this.#options.unserved);
    this.#setServices(services);
    this.health.announce(service.service.typeName, true);
    return {
      [Symbol.dispose]: () => {
        if (!this.#services.includes(service)) return;
        this.#setServices(this.#services.filter((other) => other !== service));
        this.health.announce(service.service.typeName, false);
      },
    };
  }

  /**
   * Puts an interceptor in front of all handlers for calls that begin from now on, until what is returned is disposed.
   *
   * @param place Lower ones stand farther out.
   */
  intercept(interceptor: RpcInterceptor, place: number): Disposable {
    const placed: PlacedInterceptor = { interceptor, place };
    this.#setInterceptors([...this.#interceptors, placed].sort((a, b) => a.place - b.place));
    return {
      [Symbol.dispose]: () => this.#setInterceptors(this.#interceptors.filter((other) => other !== placed)),
    };
  }

  /** Full names of the services that are served now, in the order in which they were added. */
  get serviceNames(): readonly string[] {
    return this.#services.map(({ service }) => service.typeName);
  }

  /**
   * Reports NOT_SERVING, takes no new calls, lets those under way end for at most `graceMs`, then ends them. Resolves
   * when all connections are closed. A second call waits for the first.
   */
  stop(graceMs: number = STOP_GRACE_MS): Promise<void> {
    this.health.shutDown();
    this.#stopped ??= Promise.all([...this.#listeners].map(({ listener }) => listener.stop(graceMs))).then(() => {});
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #listenTcp({ host, port, credentials }: TcpListen): Promise<void> {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    const listener = this.#listener(credentials.kind === "tls" ? "tls" : "plaintext");
    try {
      this.#port = await openAtAny(host, (host) => listener.bind(host, port, credentials));
    } catch (error) {
      throw bindError(address, error, TCP_HINTS);
    }
  }

  async #listenUnix({ path, files }: UnixListen): Promise<void> {
    if (new TextEncoder().encode(path).length > SOCKET_PATH_BYTES_MAX) {
      throw new ConfigError(`Cannot listen on "${path}": longer than ${SOCKET_PATH_BYTES_MAX} bytes`);
    }
    const state = await files.probe(path);
    if (state === "live") {
      throw new ConfigError(`Cannot listen on "${path}": a running node does`, "Stop it, or choose another directory.");
    }
    if (state === "other") throw new ConfigError(`Cannot listen on "${path}": a file that is no socket is there`);
    if (state === "stale") await files.remove(path);
    const listener = this.#listener("unix");
    try {
      await listener.bindUnix(path);
    } catch (error) {
      throw bindError(path, error, UNIX_HINTS);
    }
    await files.restrict(path);
  }

  #listener(transport: RpcPeer["transport"]): Listener {
    const rules: CallRules = {
      interceptorsOf: (path) => this.#isPlain(path) ? NO_INTERCEPTORS : this.#chain,
      isMember: this.#options.isMember ?? isVouchedFor,
      requestWaitMs: REQUEST_WAIT_MS,
      ...(this.#options.observer && { observer: this.#options.observer }),
      log: this.#options.log,
    };
    const bound = { transport, listener: new Listener(transport, rules), reflection: new Reflection() };
    this.#equip(bound);
    this.#listeners.add(bound);
    return bound.listener;
  }

  #isPlain(path: string): boolean {
    for (const prefix of this.#plainPrefixes) if (path.startsWith(prefix)) return true;
    return false;
  }

  #setInterceptors(interceptors: readonly PlacedInterceptor[]): void {
    this.#interceptors = interceptors;
    this.#chain = interceptors.map(({ interceptor }) => interceptor);
  }

  #setServices(services: readonly RpcService[]): void {
    this.#services = services;
    for (const bound of this.#listeners) this.#equip(bound);
  }

  #equip({ transport, listener, reflection }: BoundListener): void {
    const services = this.#services.filter((service) => transport === "unix" || !isLocalOnly(service));
    const served = [...services, this.#healthService];
    reflection.describe(served);
    listener.setMethods(methodTable([...served, ...reflection.services], this.#options.unserved));
  }
}

/** A listener with what it says about itself. */
interface BoundListener {
  readonly transport: RpcPeer["transport"];
  readonly listener: Listener;
  readonly reflection: Reflection;
}

const NO_INTERCEPTORS: readonly RpcInterceptor[] = [];

interface PlacedInterceptor {
  readonly interceptor: RpcInterceptor;
  readonly place: number;
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
