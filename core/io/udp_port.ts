/**
 * A UDP port of the control thread, for protocols with few packets: datagrams in and out, by callback (node:dgram).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createSocket, type Socket } from "node:dgram";
import { isIPv4 } from "node:net";
import { ConfigError } from "../plugin/errors.ts";
import type { ListenAddress, OnDatagram, SocketPeer, UdpPort } from "../plugin/listen.ts";
import { openAtAny } from "./any_address.ts";
import { bindErrorText } from "./bind_error.ts";

/** Datagrams that the socket has not taken yet; further ones are dropped. */
export const UDP_SENDS_WAITING_MAX = 1_024;

/**
 * Binds a port; `::` takes datagrams of both families, or of IPv4 on a host without IPv6.
 *
 * @throws {ConfigError} If the address cannot be bound.
 */
export async function openUdpPort({ host, port }: ListenAddress, onDatagram: OnDatagram): Promise<UdpPort> {
  try {
    return await openAtAny(host, (host) => bind(host, port, onDatagram));
  } catch (error) {
    throw new ConfigError(...bindErrorText(host, port, error));
  }
}

async function bind(host: string, port: number, onDatagram: OnDatagram): Promise<UdpPort> {
  const socket = createSocket({ type: isIPv4(host) ? "udp4" : "udp6" });
  const bound = new NodeUdpPort(socket);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.bind({ address: host, port }, resolve);
  try {
    await promise;
  } catch (error) {
    await bound[Symbol.asyncDispose]();
    throw error;
  }
  socket.removeListener("error", reject);
  // Such as an unreachable host that was answered: UDP may lose what it sends.
  socket.on("error", () => {});
  socket.on("message", (bytes, { address, port }) => {
    onDatagram(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), { host: address, port }, bound);
  });
  return bound;
}

class NodeUdpPort implements UdpPort {
  readonly #socket: Socket;
  #isClosed = false;
  #waitingCount = 0;
  /** Made once: there is one for each datagram. */
  readonly #onSent = () => {
    this.#waitingCount--;
  };

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get host(): string {
    return this.#socket.address().address;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(datagram: Uint8Array, { host, port }: SocketPeer): void {
    if (this.#isClosed || this.#waitingCount >= UDP_SENDS_WAITING_MAX) return;
    this.#waitingCount++;
    // The socket sends later: the caller keeps its buffer.
    this.#socket.send(Buffer.from(datagram), port, host, this.#onSent);
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    return new Promise((resolve) => {
      try {
        this.#socket.close(() => resolve());
      } catch {
        // It was never bound.
        resolve();
      }
    });
  }
}
