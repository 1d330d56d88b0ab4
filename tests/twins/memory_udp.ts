/**
 * UDP in memory: sockets on one network that loses, and refuses, what the test says.
 *
 * @module
 */
import { Endpoint } from "../../core/ip/endpoint.ts";
import { RUN_BYTES_MAX, RUN_DATAGRAMS_MAX, type SendResult, type UdpSocket } from "../../core/seams/udp_socket.ts";

/** A datagram on its way. The bytes may be changed, which the receiver will see. */
export interface Datagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
  /** Equal in datagrams that were sent as one run: they are received together. */
  readonly run?: symbol;
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
  /** False while the kernel takes and gives datagrams one by one. */
  hasRuns = true;
  readonly #network: MemoryNetwork;
  readonly #waiting: Datagram[] = [];
  #receivedSegmentBytes = 0;

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

  get receivedSegmentBytes(): number {
    return this.#receivedSegmentBytes;
  }

  receive(buffer: Uint8Array, offset: number, from: Endpoint): number {
    const first = this.#waiting.shift();
    if (first === undefined) return 0;
    from.copyFrom(first.from);
    this.#receivedSegmentBytes = first.bytes.length;
    let end = offset + put(first, buffer, offset);
    while (this.hasRuns && first.run !== undefined && this.#waiting[0]?.run === first.run) {
      end += put(this.#waiting.shift() ?? first, buffer, end);
    }
    return end - offset;
  }

  send(buffer: Uint8Array, offset: number, length: number, to: Endpoint): SendResult {
    const bytes = buffer.slice(offset, offset + length);
    return this.#network.carry({ from: this.endpoint.clone(), to: to.clone(), bytes });
  }

  /** Delivers up to the first datagram that meets another fate, which all are said to have met. */
  sendRun(
    buffer: Uint8Array,
    offset: number,
    length: number,
    segmentBytes: number,
    to: Endpoint,
  ): SendResult | "not-as-run" {
    if (!this.hasRuns || length > RUN_BYTES_MAX || length > segmentBytes * RUN_DATAGRAMS_MAX) return "not-as-run";
    const run = Symbol();
    for (let at = offset; at < offset + length; at += segmentBytes) {
      const bytes = buffer.slice(at, Math.min(at + segmentBytes, offset + length));
      const result = this.#network.carry({ from: this.endpoint.clone(), to: to.clone(), bytes, run });
      if (result !== "sent") return result;
    }
    return "sent";
  }

  [Symbol.dispose](): void {
    this.#network.unbind(this.endpoint);
  }
}

/** Copies a datagram and cuts what has no room. Returns its bytes. */
function put(datagram: Datagram, buffer: Uint8Array, offset: number): number {
  const bytes = datagram.bytes.subarray(0, buffer.length - offset);
  buffer.set(bytes, offset);
  return bytes.length;
}
