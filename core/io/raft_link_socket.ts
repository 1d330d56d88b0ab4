/**
 * TCP connections between members, with or without TLS: dialling with a deadline, listening, writing with
 * back-pressure.
 *
 * With TLS both sides' certificates come from the same authority. Names in them are not compared with addresses, because
 * members are reached at addresses that no certificate knows; the handshake inside proves who is there.
 *
 * @module
 */
import net from "node:net";
import tls from "node:tls";
import { delay } from "./alarm.ts";
import { openAtAny } from "./any_address.ts";
import type { LinkAddress, LinkDropReason } from "./raft_link_limits.ts";

/** What TLS needs, PEM texts. Never logged. */
export interface LinkTls {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  /** Whether whoever connects must show a certificate too. */
  readonly mutual: boolean;
}

/** One open connection. Ends once, whoever ends it. */
export class LinkSocket {
  readonly #socket: net.Socket;
  /** Resolves when the connection is gone. Never rejects. */
  readonly closed: Promise<void>;
  #isClosed = false;
  #onDrain: (() => void) | undefined;

  /** Takes a connected socket. */
  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    const onClose = () => {
      this.#isClosed = true;
      resolve();
      this.#onDrain?.();
    };
    // What went wrong with an established connection tells nobody anything: it is gone.
    socket.on("error", () => {});
    socket.on("drain", () => this.#onDrain?.());
    socket.on("close", onClose);
    if (socket.destroyed) onClose();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The other side, `address:port`, for people. */
  get remote(): string {
    return `${this.#socket.remoteAddress}:${this.#socket.remotePort}`;
  }

  /** Starts receiving. `onBytes` takes what it gets. */
  receive(onBytes: (bytes: Uint8Array) => void): void {
    this.#socket.on("data", (bytes: Uint8Array) => onBytes(bytes));
  }

  /**
   * Writes all of `bytes`. Takes them. One write at a time.
   *
   * @returns At once if the system had room; otherwise resolves when the other side has made room, or the connection is
   * gone.
   */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#isClosed || this.#socket.write(bytes)) return undefined;
    return new Promise<void>((resolve) => {
      this.#onDrain = () => {
        this.#onDrain = undefined;
        resolve();
      };
    });
  }

  /** Sends what was written, then closes. */
  finish(): void {
    this.#socket.end();
  }

  /** Closes now. */
  destroy(): void {
    this.#socket.destroy();
  }
}

/** Why there is no connection. */
export class DialFailure {
  readonly reason: LinkDropReason;
  /** What the system or the TLS library said, for people; may be empty. */
  readonly why: string;

  constructor(reason: LinkDropReason, why = "") {
    this.reason = reason;
    this.why = why;
  }
}

/**
 * Connects to `address`.
 *
 * @returns The connection, or why there is none: `tls-refused`, or `unreachable`, also after `timeoutMs` or when aborted.
 */
export async function dialSocket(
  address: LinkAddress,
  tlsOptions: LinkTls | undefined,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<LinkSocket | DialFailure> {
  const socket = tlsOptions ? tls.connect(clientOptions(address, tlsOptions)) : net.connect(address);
  const { promise, resolve } = Promise.withResolvers<LinkSocket | DialFailure>();
  const fail = (reason: LinkDropReason, why: string) => resolve(new DialFailure(reason, why));
  let isConnected = false;
  socket.on("connect", () => isConnected = true);
  socket.on(tlsOptions ? "secureConnect" : "connect", () => resolve(new LinkSocket(socket)));
  socket.on("error", ({ message }) => fail(tlsOptions && isConnected ? "tls-refused" : "unreachable", message));
  socket.on("close", () => fail("unreachable", "closed"));
  const timer = new AbortController();
  const giveUp = () => fail("unreachable", `no answer in ${timeoutMs} ms`);
  delay(timeoutMs, AbortSignal.any([timer.signal, signal])).then(giveUp, giveUp);
  const result = await promise;
  timer.abort();
  if (result instanceof LinkSocket && !signal.aborted) return result;
  if (!socket.destroyed) {
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.destroy();
    await closed;
  }
  return result instanceof LinkSocket ? new DialFailure("unreachable", "given up") : result;
}

function clientOptions(address: LinkAddress, { key, cert, ca }: LinkTls): tls.ConnectionOptions {
  return { ...address, key, cert, ca, checkServerIdentity: () => undefined };
}

/** What a listener tells. `id` names a connection while it lives. */
export interface LinkListenerEvents {
  /** Somebody connected; `close` ends it at any time. TLS is still ahead. */
  opened(id: string, close: () => void): void;
  /** The connection can carry bytes. */
  ready(id: string, socket: LinkSocket): void;
  /** The connection is gone. */
  closed(id: string): void;
  /** Somebody's TLS handshake failed; `why` is what the TLS library said. */
  tlsRefused(why: string): void;
}

/** A listening socket. Disposing stops accepting; open connections are their owner's. */
export interface LinkListener extends AsyncDisposable {
  /** Where it listens, with the port that was chosen if 0 was asked for. */
  readonly address: LinkAddress;
}

/**
 * Listens on `address`; `::` takes both families, or IPv4 on a host without IPv6.
 *
 * @throws {Error} If the address is not this host's, is taken, or the TLS texts cannot be used.
 */
export async function listenSocket(
  address: LinkAddress,
  tlsOptions: LinkTls | undefined,
  events: LinkListenerEvents,
): Promise<LinkListener> {
  const idOf = (socket: net.Socket) =>
    `${socket.remoteAddress}:${socket.remotePort} to ${socket.localAddress}:${socket.localPort}`;
  const ready = (socket: net.Socket) => events.ready(idOf(socket), new LinkSocket(socket));
  const server = tlsOptions ? tls.createServer(serverOptions(tlsOptions), ready) : net.createServer();
  // With TLS this is the connection below it, which comes first.
  server.on("connection", (socket: net.Socket) => {
    const id = idOf(socket);
    socket.on("error", () => {});
    socket.on("close", () => events.closed(id));
    events.opened(id, () => socket.destroy());
    if (!tlsOptions) ready(socket);
  });
  server.on("tlsClientError", ({ message }: Error) => events.tlsRefused(message));
  await openAtAny(address.host, (host) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.on("error", reject);
    server.listen({ host, port: address.port }, resolve);
    return promise;
  });
  const bound = server.address();
  const port = typeof bound === "object" && bound ? bound.port : address.port;
  return {
    address: { host: address.host, port },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

function serverOptions({ key, cert, ca, mutual }: LinkTls): tls.TlsOptions {
  return { key, cert, ca, requestCert: mutual, rejectUnauthorized: mutual };
}
