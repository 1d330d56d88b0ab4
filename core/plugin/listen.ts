/**
 * Ports of a plugin's own: UDP, TCP, HTTP. What was opened is closed when the plugin stops.
 *
 * @module
 */

/** An address to listen on. */
export interface ListenAddress {
  /**
   * An address, IPv6 without brackets; `::` for all addresses of both families. A name is the first of its addresses that this
   * host has.
   */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** Where something listens, or where a datagram or connection came from. */
export interface SocketPeer {
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A UDP port. */
export interface UdpPort extends AsyncDisposable {
  /** The bound address: `::` for all, `0.0.0.0` for all of IPv4, also where there is no IPv6. */
  readonly host: string;
  /** The bound port. */
  readonly port: number;
  /** Sends one datagram, or drops it if the system cannot take it now. Borrows `datagram` until it returns. */
  send(datagram: Uint8Array, to: SocketPeer): void;
}

/** Called with each datagram; it owns the bytes. What it throws is counted as a strike. */
export type OnDatagram = (datagram: Uint8Array, from: SocketPeer, port: UdpPort) => void;

/** An accepted TCP connection. */
export interface TcpConnection extends Disposable {
  readonly remote: SocketPeer;
  /** Fills `into` from the start; `undefined` at the end of the stream. */
  read(into: Uint8Array): Promise<number | undefined>;
  /** Resolves when all of `bytes` is on its way. */
  write(bytes: Uint8Array): Promise<void>;
}

/** Serves one connection, which is closed when it settles. What it throws ends that connection alone. */
export type OnConnection = (connection: TcpConnection, signal: AbortSignal) => Promise<void>;

/** A TCP port. */
export interface TcpPort extends AsyncDisposable {
  /** The bound address, as that of a {@linkcode UdpPort}. */
  readonly host: string;
  /** The bound port. */
  readonly port: number;
}

/** Opens ports. */
export interface Listen {
  /** @throws {ConfigError} If the address cannot be bound; it says what to change. */
  udp(address: ListenAddress, onDatagram: OnDatagram): Promise<UdpPort>;
  /**
   * @param connectionsMax Further connections are closed at once.
   * @throws {ConfigError} If the address cannot be bound; it says what to change.
   */
  tcp(address: ListenAddress, connectionsMax: number, onConnection: OnConnection): Promise<TcpPort>;
}

/** Answers one request. What it throws becomes 500 without its text. */
export type OnRequest = (request: Request, from: SocketPeer) => Response | Promise<Response>;

/**
 * Serves HTTP/1.1, one request per connection, within limits: 64 connections at a time and 8 of one host, heads of 8 KiB,
 * bodies of 64 KiB, and 10 s from the first byte to the last. The signal of a request is aborted when its time is over.
 */
export interface Http {
  /** @throws {ConfigError} If the address cannot be bound; it says what to change. */
  serve(address: ListenAddress, onRequest: OnRequest): Promise<TcpPort>;
}
