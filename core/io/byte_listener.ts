/**
 * A listening socket and its connections as byte streams: TCP, TLS over TCP, or a Unix socket.
 *
 * What is written in one turn of the event loop goes out in one system call at its end.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import net from "node:net";
import process from "node:process";
import tls from "node:tls";

/** Bytes that wait for the end of a turn; more go out at once. */
const HELD_BYTES_MAX = 256 << 10;

/** Where to listen. */
export type ByteTarget =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What TLS shows and asks for. PEM texts. */
export interface ByteTls {
  readonly cert: string;
  readonly key: string;
  /** Who signs client certificates. */
  readonly ca: string;
  /** Whether a client without such a certificate is refused. */
  readonly mustShow: boolean;
  /** Application protocols (RFC 7301), best first. */
  readonly protocols: readonly string[];
  readonly handshakeTimeoutMs: number;
}

/** What a connection tells its owner. */
export interface ByteReceiver {
  /** Takes `bytes`. */
  received(bytes: Uint8Array): void;
  /** There is room again after {@linkcode ByteConnection.isCongested}. */
  drained(): void;
  /** The connection is gone; told once. */
  closed(): void;
}

/** One accepted connection. */
export interface ByteConnection {
  /** The other side, `address:port`; empty for a Unix socket. */
  readonly remote: string;
  /** Subject common name of a client certificate that was verified. */
  readonly identity: string | undefined;
  /** True while the other side does not read what was written. */
  readonly isCongested: boolean;
  /** Bytes that wait in this process. */
  readonly waitingBytes: number;
  /** Starts receiving. */
  start(receiver: ByteReceiver): void;
  /** Writes all of `bytes`, at the end of this turn. Takes them. */
  write(bytes: Uint8Array): void;
  /** Closes when everything is written. */
  end(): void;
  /** Closes now. */
  destroy(): void;
}

/** A listening socket. */
export interface ByteListener {
  /** The bound port; 0 for a Unix socket. */
  readonly port: number;
  /** Accepts nobody any more; resolves when all connections are gone. */
  close(): Promise<void>;
}

/**
 * Listens.
 *
 * @throws {Error} With the system's error code in its message, or if the TLS texts cannot be used.
 */
export async function listenBytes(
  target: ByteTarget,
  tlsOptions: ByteTls | undefined,
  accept: (connection: ByteConnection) => void,
): Promise<ByteListener> {
  const onSocket = (socket: net.Socket) => accept(new SocketConnection(socket));
  const server = tlsOptions ? tls.createServer(serverOptions(tlsOptions), onSocket) : net.createServer(onSocket);
  const open = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const listening = () => {
      server.removeListener("error", reject);
      server.on("error", () => {});
      resolve();
    };
    if (target.kind === "unix") server.listen({ path: target.path }, listening);
    else server.listen({ host: target.host, port: target.port }, listening);
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound ? bound.port : 0,
    close: async () => {
      const gone = [...open].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
      await Promise.all([new Promise<void>((resolve) => server.close(() => resolve())), ...gone]);
    },
  };
}

function serverOptions({ cert, key, ca, mustShow, protocols, handshakeTimeoutMs }: ByteTls): tls.TlsOptions {
  return {
    cert,
    key,
    ca,
    requestCert: true,
    rejectUnauthorized: mustShow,
    ALPNProtocols: [...protocols],
    handshakeTimeout: handshakeTimeoutMs,
  };
}

class SocketConnection implements ByteConnection {
  readonly remote: string;
  readonly identity: string | undefined;
  readonly #socket: net.Socket;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isFlushDue = false;
  #isEnding = false;
  #isClosed = false;
  isCongested = false;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.remote = socket.remoteAddress === undefined ? "" : `${socket.remoteAddress}:${socket.remotePort}`;
    this.identity = socket instanceof tls.TLSSocket ? identityOf(socket) : undefined;
    socket.setNoDelay(true);
  }

  get waitingBytes(): number {
    return this.#heldBytes + this.#socket.writableLength;
  }

  start(receiver: ByteReceiver): void {
    const socket = this.#socket;
    const onClose = () => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      receiver.closed();
    };
    socket.on("error", () => {});
    socket.on("close", onClose);
    socket.on("drain", () => {
      this.isCongested = false;
      receiver.drained();
    });
    // Whoever has no more to ask may still wait for answers; but nobody does so in HTTP/2.
    socket.on("end", () => socket.end());
    socket.on("data", (bytes: Buffer) => receiver.received(bytes));
    if (socket.destroyed) onClose();
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed || this.#isEnding) return;
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > HELD_BYTES_MAX) return this.#flush();
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  end(): void {
    this.#flush();
    this.#isEnding = true;
    this.#socket.end();
  }

  destroy(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#isEnding = true;
    this.#socket.destroy();
  }

  #flush(): void {
    const held = this.#held;
    if (held.length === 0 || this.#isClosed) return;
    const bytes = held.length === 1 && held[0] ? held[0] : joined(held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    if (!this.#socket.write(bytes)) this.isCongested = true;
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function identityOf(socket: tls.TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  const name = socket.getPeerCertificate()?.subject?.CN;
  return Array.isArray(name) ? name[0] : name;
}
