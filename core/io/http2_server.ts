/**
 * An HTTP/2 server (RFC 9113) on a TCP address, with or without TLS, or on a Unix socket: the runtime's `node:http2`, its
 * connections kept alive, watched and closed, and what they send joined.
 *
 * The runtime writes every frame by itself: an answer of headers, data and trailers would be three system calls, and as
 * many wake-ups of whoever waits for it. So what one turn of the event loop has to say on a connection goes out at once.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server as PlainServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { Alarm, atNextTurnEnd } from "./alarm.ts";
import { systemClock } from "./clock.ts";
import { UnixStreamListener } from "./unix_stream.ts";

/** One request and its answer. */
export type Http2Stream = ServerHttp2Stream;
/** Fields of a request, pseudo fields included. */
export type Http2Fields = IncomingHttpHeaders;

/** Fields of an answer. */
export type Http2AnswerFields = OutgoingHttpHeaders;

/** What TLS needs, PEM texts. */
export interface Http2Tls {
  readonly cert: string;
  readonly key: string;
  /** Who signs client certificates. */
  readonly ca: string;
  /** Whether a client must show a certificate. */
  readonly mustShow: boolean;
}

/** Where to listen. */
export type Http2Target =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls?: Http2Tls }
  | { readonly kind: "unix"; readonly path: string };

/** Who is at the other end. */
export interface Http2Peer {
  /** `address:port`; of no meaning for a Unix socket. */
  readonly address: string;
  /** The name in a client certificate that its authority has signed. */
  readonly identity: string | undefined;
}

/** What connections may do. */
export interface Http2Limits {
  readonly streamsPerConnectionMax: number;
  /** Fields of a request; a stream with more is reset. */
  readonly fieldsMax: number;
  /** A connection is pinged this often … */
  readonly keepaliveMs: number;
  /** … and closed if the answer does not come within this time. */
  readonly keepaliveTimeoutMs: number;
  /** A connection without streams is closed after this time. */
  readonly idleMs: number;
}

/** One connection. */
interface Connection {
  readonly session: ServerHttp2Session;
  streamsCount: number;
  /** Since when it has no streams. */
  idleSinceMs: number;
  /** When the next ping is sent; or, if one is out, when it is given up. */
  pingDueMs: number;
  isPinged: boolean;
}

/** Longer pieces are written by themselves. */
const JOINED_PIECE_BYTES_MAX: number = 4 << 10;

/** See the module. Listens once. */
export class Http2Server {
  readonly #limits: Http2Limits;
  readonly #onStream: (stream: Http2Stream, fields: Http2Fields, peer: Http2Peer) => void;
  readonly #connections = new Set<Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #watch = new Alarm(systemClock, () => this.#lookAfter());
  #watchMs = Infinity;
  #server: PlainServer | Http2SecureServer | undefined;
  #unix: UnixStreamListener | undefined;
  #isClosing = false;

  /** @param onStream Gets every request when its fields are there; it must answer or close the stream. */
  constructor(
    limits: Http2Limits,
    onStream: (stream: Http2Stream, fields: Http2Fields, peer: Http2Peer) => void,
  ) {
    this.#limits = limits;
    this.#onStream = onStream;
  }

  /**
   * Starts to accept connections.
   *
   * @returns The bound port; 0 for a Unix socket.
   * @throws {Error} With the system's error code in its message.
   */
  async listen(target: Http2Target): Promise<number> {
    const server = this.#server = this.#makeServer(target.kind === "tcp" ? target.tls : undefined);
    if (target.kind === "unix") {
      this.#unix = await UnixStreamListener.open(target.path, (socket) => server.emit("connection", socket));
      return 0;
    }
    const listening = Promise.withResolvers<void>();
    server.once("error", listening.reject);
    server.listen({ host: target.host, port: target.port }, listening.resolve);
    await listening.promise;
    server.off("error", listening.reject);
    // Running out of descriptors is told here; connections that wait are accepted when there are some again.
    server.on("error", () => {});
    const address = server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  /** Accepts nobody any more, and asks everybody to go; resolves when all connections are gone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const server = this.#server;
    const isListening = server?.listening === true;
    const closed = isListening && new Promise<void>((resolve) => server.close(() => resolve()));
    const unixClosed = this.#unix?.[Symbol.asyncDispose]();
    for (const { session } of [...this.#connections]) session.close();
    const gone = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    await Promise.all([closed, unixClosed, ...gone]);
    this.#watch[Symbol.dispose]();
  }

  /** Cuts all connections. */
  destroy(): void {
    for (const { session } of [...this.#connections]) session.destroy();
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  #makeServer(tls: Http2Tls | undefined): PlainServer | Http2SecureServer {
    const settings = { maxConcurrentStreams: this.#limits.streamsPerConnectionMax };
    const maxHeaderListPairs = this.#limits.fieldsMax;
    const server = tls
      ? createSecureServer({
        settings,
        maxHeaderListPairs,
        cert: tls.cert,
        key: tls.key,
        ca: tls.ca,
        requestCert: true,
        rejectUnauthorized: tls.mustShow,
      })
      : createServer({ settings, maxHeaderListPairs });
    // Below TLS this is the connection that carries it.
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      if (!tls) joinWrites(socket);
    });
    if (tls) server.on("secureConnection", joinWrites);
    server.on("session", (session: ServerHttp2Session) => this.#accept(session));
    // A connection that is no HTTP/2, or no longer: it is gone, and that is all there is to say.
    server.on("sessionError", () => {});
    server.on("tlsClientError", () => {});
    return server;
  }

  #accept(session: ServerHttp2Session): void {
    session.on("error", () => {});
    if (this.#isClosing) return session.destroy();
    const nowMs = systemClock.monotonicMs();
    const connection: Connection = {
      session,
      streamsCount: 0,
      idleSinceMs: nowMs,
      pingDueMs: nowMs + this.#limits.keepaliveMs,
      isPinged: false,
    };
    this.#connections.add(connection);
    this.#armWatch(Math.min(connection.pingDueMs, this.#idleDueMs(connection)));
    session.on("close", () => this.#connections.delete(connection));
    const peer = peerOf(session);
    const onEnd = () => {
      if (--connection.streamsCount === 0) connection.idleSinceMs = systemClock.monotonicMs();
    };
    session.on("stream", (stream: Http2Stream, fields: Http2Fields) => {
      connection.streamsCount++;
      stream.on("close", onEnd);
      this.#onStream(stream, fields, peer);
    });
  }

  #lookAfter(): void {
    const nowMs = systemClock.monotonicMs();
    this.#watchMs = Infinity;
    for (const connection of [...this.#connections]) {
      const idleDueMs = this.#idleDueMs(connection);
      if (nowMs >= idleDueMs) connection.session.close();
      if (nowMs >= connection.pingDueMs) this.#ping(connection, nowMs);
      this.#armWatch(Math.min(connection.pingDueMs, nowMs < idleDueMs ? idleDueMs : Infinity));
    }
  }

  #idleDueMs({ streamsCount, idleSinceMs }: Connection): number {
    return streamsCount > 0 ? Infinity : idleSinceMs + this.#limits.idleMs;
  }

  #ping(connection: Connection, nowMs: number): void {
    const { session, isPinged } = connection;
    const { keepaliveMs, keepaliveTimeoutMs } = this.#limits;
    connection.pingDueMs = nowMs + keepaliveTimeoutMs;
    if (isPinged || session.destroyed) return session.destroy();
    connection.isPinged = true;
    const isSent = session.ping((error) => {
      if (error) return;
      connection.isPinged = false;
      connection.pingDueMs = systemClock.monotonicMs() + keepaliveMs;
    });
    if (!isSent) session.destroy();
  }

  #armWatch(atMs: number): void {
    if (atMs >= this.#watchMs || this.#isClosing) return;
    this.#watchMs = atMs;
    this.#watch.arm(atMs);
  }
}

/**
 * Lets out what is written to `socket` with one system call, at the end of the turn behind the one in which an answer was
 * begun: the runtime sends its trailers no sooner. Short pieces become one, which costs less than to carry them.
 */
function joinWrites(socket: Socket): void {
  const { write, end } = socket;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const release = () => {
    if (heldBytes === 0) return;
    const [first] = held;
    const joined = held.length === 1 && first ? first : Buffer.concat(held, heldBytes);
    held = [];
    heldBytes = 0;
    if (!socket.destroyed) Reflect.apply(write, socket, [joined]);
  };
  const hold: typeof socket.write = (...written: unknown[]) => {
    const [piece] = written;
    if (written.length > 1 || !(piece instanceof Uint8Array) || piece.length > JOINED_PIECE_BYTES_MAX) {
      release();
      return Reflect.apply(write, socket, written);
    }
    if (heldBytes === 0) atNextTurnEnd(release);
    held.push(piece);
    heldBytes += piece.length;
    return true;
  };
  socket.write = hold;
  const endBehind: typeof socket.end = (...last: unknown[]) => {
    release();
    return Reflect.apply(end, socket, last);
  };
  socket.end = endBehind;
}

function peerOf({ socket }: ServerHttp2Session): Http2Peer {
  return {
    address: `${socket.remoteAddress}:${socket.remotePort}`,
    identity: socket instanceof TLSSocket && socket.authorized ? commonName(socket) : undefined,
  };
}

function commonName(socket: TLSSocket): string | undefined {
  const name: unknown = socket.getPeerCertificate()?.subject?.CN;
  const first: unknown = Array.isArray(name) ? name[0] : name;
  return typeof first === "string" ? first : undefined;
}
