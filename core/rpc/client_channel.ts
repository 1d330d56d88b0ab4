/**
 * A client's connection to one server, with an end that can be waited for.
 *
 * grpc-js keeps a channel alive by itself: it dials again in the background, and closing it neither stops that nor waits
 * for the socket. Here a channel is thrown away as soon as it has failed to connect, and closing it closes its sockets.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  ChannelCredentials,
  type ChannelOptions,
  Client,
  connectivityState,
  credentials as grpcCredentials,
  type experimental,
  logVerbosity,
  setLogVerbosity,
} from "@grpc/grpc-js";
import { delay } from "../io/alarm.ts";
import { closeOnce } from "../io/unix_stream.ts";
import { IpAddress } from "../ip/address.ts";
import { ConfigError } from "../plugin/errors.ts";
import { certificateCovers } from "./certificate_address.ts";
import type { RpcCredentials } from "./credentials.ts";
import { KEEPALIVE_TIME_MS, KEEPALIVE_TIMEOUT_MS, MESSAGE_BYTES_MAX } from "./limits.ts";

/**
 * A server to call: a node's Unix socket, or `host:port` with brackets around an IPv6 address. An address inside the mesh is
 * in no certificate; `throughTunnel` says that WireGuard has proved who is there, so that only the chain of trust counts.
 */
export type RpcTarget =
  | { readonly socketPath: string }
  | { readonly address: string; readonly throughTunnel?: boolean };

type Socket = Parameters<experimental.SecureConnector["connect"]>[0];

/** How long a connection that was closed in order may take to say so before its socket is cut. */
const CLOSE_WAIT_MS = 100;
/** The library's timer between two dials. Short, because a channel that failed dials nobody, and closing waits for it. */
const REDIAL_MS = 1;
/** Timers of {@linkcode REDIAL_MS} that may follow one another in a channel that is not connected. */
const REDIAL_WAITS = 3;
/**
 * A dial that is told to end does so at once, unless the other host is silent. Then it must have outlasted the library's
 * 250 ms between two addresses of one name.
 */
const DIAL_END_MS = 300;
const DIAL_POLL_MS = 2;
/** What a TLS client calls a server it knows by address: RFC 6066 §3 allows no addresses there, RFC 6761 reserves this. */
const ADDRESS_SERVER_NAME = "weft.invalid";

/** See the module's description. */
export class ClientChannel {
  /** Makes calls; dials with the first one. */
  readonly grpc: Client;
  readonly #credentials: TrackedCredentials;
  #hasFailed = false;

  /** @throws {ConfigError} If `credentials` have a certificate without key or the reverse. */
  constructor(target: RpcTarget, credentials: RpcCredentials) {
    // What the library has to say reaches the caller as an error; it must not also write to the console.
    setLogVerbosity(logVerbosity.NONE);
    const isUnix = "socketPath" in target;
    this.#credentials = new TrackedCredentials(channelCredentials(target, credentials), tlsOptions(target), isUnix);
    this.grpc = new Client(isUnix ? `unix:${target.socketPath}` : target.address, this.#credentials, {
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
      "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
      "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
      "grpc.initial_reconnect_backoff_ms": REDIAL_MS,
      "grpc.max_reconnect_backoff_ms": REDIAL_MS,
      // The mesh is reached directly, whatever `http_proxy` says, and nothing about it is looked up in TXT records.
      "grpc.enable_http_proxy": 0,
      "grpc.service_config_disable_resolution": 1,
      // A call that may have been served is the caller's to repeat.
      "grpc.enable_retries": 0,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_channelz": 0,
    });
    this.#watch(this.#state());
  }

  /** True after a dial that failed; the channel is then of no more use, and dials nobody any more. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** True while a dial is under way. */
  get isDialling(): boolean {
    return this.#state() === connectivityState.CONNECTING;
  }

  /** Closes the connection; resolves when nothing of it is left. Calls must have ended before. */
  async close(): Promise<void> {
    const isConnected = this.#state() === connectivityState.READY;
    this.#credentials.refuse();
    if (this.isDialling) await this.#endDialling();
    this.grpc.close();
    await this.#credentials.whenUnused();
    if (isConnected) return;
    for (let i = 0; i < REDIAL_WAITS; i++) await delay(2 * REDIAL_MS);
  }

  /** The library says that a dial has failed before it begins another one, however soon that is. */
  #watch(state: connectivityState): void {
    this.grpc.getChannel().watchConnectivityState(state, Infinity, () => {
      const now = this.#state();
      if (now === connectivityState.SHUTDOWN) return;
      if (now === connectivityState.TRANSIENT_FAILURE) {
        this.#hasFailed = true;
        this.#credentials.refuse();
      }
      this.#watch(now);
    });
  }

  /** Closed in the middle of a lookup or dial, the library would later go on with it, and for ever. */
  async #endDialling(): Promise<void> {
    this.#credentials.cut();
    for (let waitedMs = 0; this.isDialling && waitedMs < DIAL_END_MS; waitedMs += DIAL_POLL_MS) {
      await delay(DIAL_POLL_MS);
    }
  }

  #state(): connectivityState {
    return this.grpc.getChannel().getConnectivityState(false);
  }
}

/** Credentials that know the sockets they were used on. */
class TrackedCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #options: ChannelOptions;
  readonly #isUnix: boolean;
  readonly #sockets = new Set<Socket>();
  #isRefusing = false;
  #onUnused = () => {};

  constructor(inner: ChannelCredentials, options: ChannelOptions, isUnix: boolean) {
    super();
    this.#inner = inner;
    this.#options = options;
    this.#isUnix = isUnix;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    ...[target, options, calls]: Parameters<ChannelCredentials["_createSecureConnector"]>
  ): experimental.SecureConnector {
    const inner = this.#inner._createSecureConnector(target, { ...options, ...this.#options }, calls);
    return {
      waitForReady: () => this.#isRefusing ? Promise.reject(new Error("The client is closed")) : inner.waitForReady(),
      connect: (socket) => {
        if (this.#isRefusing) return Promise.reject(new Error("The client is closed"));
        this.#track(socket);
        if (this.#isUnix) closeOnce(socket);
        return inner.connect(socket);
      },
      getCallCredentials: () => inner.getCallCredentials(),
      destroy: () => inner.destroy(),
    };
  }

  /** Lets no new connections through. */
  refuse(): void {
    this.#isRefusing = true;
  }

  /** Resolves when the last socket is closed: by the library, or in time by force. */
  async whenUnused(): Promise<void> {
    if (this.#sockets.size === 0) return;
    const unused = new AbortController();
    this.#onUnused = () => unused.abort();
    await delay(CLOSE_WAIT_MS, unused.signal).catch(() => {});
    if (unused.signal.aborted) return;
    const closed = Promise.withResolvers<void>();
    this.#onUnused = closed.resolve;
    this.cut();
    await closed.promise;
  }

  /** Closes all sockets by force. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onUnused();
    });
  }
}

function channelCredentials(target: RpcTarget, credentials: RpcCredentials): ChannelCredentials {
  if (credentials.kind === "insecure") return grpcCredentials.createInsecure();
  if ((credentials.key === undefined) !== (credentials.cert === undefined)) {
    throw new ConfigError("Cannot use a TLS certificate without its key, or a key without its certificate");
  }
  const address = addressOf(target);
  const throughTunnel = "address" in target && target.throughTunnel === true;
  const verify = address && {
    checkServerIdentity: (_name: string, certificate: { readonly subjectaltname?: string }) =>
      throughTunnel || certificateCovers(certificate.subjectaltname, address)
        ? undefined
        : new Error(`the server's certificate is not for ${address}`),
  };
  const [ca, key, cert] = [credentials.ca, credentials.key, credentials.cert].map((pem) =>
    pem === undefined ? null : Buffer.from(pem)
  );
  return grpcCredentials.createSsl(ca, key, cert, verify);
}

function tlsOptions(target: RpcTarget): ChannelOptions {
  return addressOf(target) ? { "grpc.ssl_target_name_override": ADDRESS_SERVER_NAME } : {};
}

/** The IP address that the target names, if it is not a host name. */
function addressOf(target: RpcTarget): IpAddress | undefined {
  if (!("address" in target)) return undefined;
  const host = /^\[(.+)\]:\d+$|^([^:]+):\d+$/.exec(target.address);
  return IpAddress.parse(host?.[1] ?? host?.[2] ?? "");
}
