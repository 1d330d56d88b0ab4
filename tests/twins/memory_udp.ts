/**
 * UDP in memory: sockets on one network that loses, and refuses, what the test says.
 *
 * @module
 */
import { Endpoint } from "../../core/ip/endpoint.ts";
import type { SendResult, UdpSocket } from "../../core/seams/udp_socket.ts";

/** A datagram on its way. The bytes may be changed, which the receiver will see. */
export interface Datagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

/** Datagrams that wait in a socket; one more is lost, as in a kernel. */
export const RECEIVE_QUEUE_MAX = 1024;

/** What becomes of a datagram that the network took. */
export type Fate = "deliver" | "lose";

/** Connects {@linkcode MemoryUdpSocket}s. Delivers at once and in order. */
export class MemoryNetwork {
  /** Asked for each datagram; `lose` vanishes on the way, a {@linkcode SendResult} is what the sender is told. */
  fate: (datagram: Datagram) => Fate | Exclude<SendResult, "sent"> = () => "deliver";
  readonly #sockets = new Map<string, MemoryUdpSocket>();

  /** Binds a socket to `address`, e.g. `192.0.2.1:51820`. */
  bind(address: string): MemoryUdpSocket {
    const endpoint = Endpoint.parse(address);
    if (endpoint === undefined) throw new Error(`Not an endpoint: "${address}"`);
    if (this.#sockets.has(address)) throw new Error(`In use: "${address}"`);
    const socket = new MemoryUdpSocket(this, endpoint);
    this.#sockets.set(address, socket);
    return socket;
  }

  /** Takes a datagram from its sender. Owned by the network from here on. */
  carry(datagram: Datagram): SendResult {
    const fate = this.fate(datagram);
    if (fate === "deliver") this.#sockets.get(String(datagram.to))?.arrive(datagram);
    return fate === "deliver" || fate === "lose" ? "sent" : fate;
  }

  /** Frees an address. */
  unbind(endpoint: Endpoint): void {
    this.#sockets.delete(String(endpoint));
  }
}

/** See {@linkcode UdpSocket}. */
export class MemoryUdpSocket implements UdpSocket {
  readonly fd = -1;
  readonly endpoint: Endpoint;
  readonly #network: MemoryNetwork;
  readonly #waiting: Datagram[] = [];

  constructor(network: MemoryNetwork, endpoint: Endpoint) {
    this.#network = network;
    this.endpoint = endpoint;
  }

  get family(): 4 | 6 {
    return this.endpoint.family === 4 ? 4 : 6;
  }

  get port(): number {
    return this.endpoint.port;
  }

  /** Datagrams that arrived and were not received yet. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Used by the network. */
  arrive(datagram: Datagram): void {
    if (this.#waiting.length < RECEIVE_QUEUE_MAX) this.#waiting.push(datagram);
  }

  receive(buffer: Uint8Array, offset: number, from: Endpoint): number {
    const datagram = this.#waiting.shift();
    if (datagram === undefined) return 0;
    const bytes = datagram.bytes.subarray(0, buffer.length - offset);
    buffer.set(bytes, offset);
    from.copyFrom(datagram.from);
    return bytes.length;
  }

  send(buffer: Uint8Array, offset: number, length: number, to: Endpoint): SendResult {
    const bytes = buffer.slice(offset, offset + length);
    return this.#network.carry({ from: this.endpoint.clone(), to: to.clone(), bytes });
  }

  [Symbol.dispose](): void {
    this.#network.unbind(this.endpoint);
  }
}
