/**
 * The packet loop: every packet's way through the program, in one thread and one direction at a time.
 *
 * A turn
 *  1. `turn` waits until a descriptor is readable or WireGuard's next deadline has come, and reads the clocks once.
 *  2. Messages of the control thread are taken first, so that a removed peer's packets are refused at once.
 *
 * A packet out
 *  3. `#takeFromTun` reads it behind the headroom of the one packet buffer.
 *  4. The engine finds its peer and seals it in place, or keeps a copy while a handshake runs.
 *  5. `#toNetwork` gives the datagram to the socket of the endpoint's family.
 *
 * A packet in
 *  6. `#takeFromSocket` receives the datagram and its sender.
 *  7. `classifyDatagram` tells by the first bytes whose it is.
 *  8. The engine authenticates it, decrypts it in place and checks the inner source.
 *  9. `#toTun` writes the inner packet to the TUN device.
 *
 * After the packets
 * 10. `expire` does what time alone makes due: handshakes, keepalives, key erasure.
 *
 * No descriptor is read more than {@linkcode PACKETS_PER_TURN_MAX} times in a turn, so that a flood on one starves
 * neither the others nor the timers. Nothing that a packet does is fatal; nothing is allocated per packet.
 *
 * @module
 */
import { PacketPool } from "../bytes/packet_pool.ts";
import { Endpoint } from "../ip/endpoint.ts";
import type { Clock } from "../seams/clock.ts";
import type { Tun } from "../seams/tun.ts";
import type { UdpSocket } from "../seams/udp_socket.ts";
import type { Instant } from "../time/instant.ts";
import type { Engine } from "../wireguard/engine.ts";
import type { EngineSink } from "../wireguard/sink.ts";
import { classifyDatagram } from "./demux.ts";
import { type LoopDropCounts, noLoopDrops, SEND_DROPS } from "./loop_drops.ts";

/** Packets taken from one descriptor before the next gets its turn. */
export const PACKETS_PER_TURN_MAX = 64;
/** An IP packet's length field has 16 bits. */
const PACKET_BYTES_MAX = 65535;
/** Zero bytes that pad a packet to a multiple of 16 before it is sealed (WireGuard whitepaper §5.4.6). */
const PADDING_BYTES_MAX = 15;

/** Order of the descriptors in {@linkcode Readiness}. */
export const WAKE_INDEX = 0;
/** See {@linkcode WAKE_INDEX}. */
export const TUN_INDEX = 1;
/** The sockets follow in their own order; see {@linkcode WAKE_INDEX}. */
export const FIRST_SOCKET_INDEX = 2;

/** Waiting for descriptors; `Poller` of `core/io/poll.ts` in production. */
export interface Readiness {
  /** Blocks until a descriptor is ready or `timeoutMs`, which may be negative or `Infinity`, have passed. */
  wait(timeoutMs: number): void;
  /** Whether descriptor `index` was ready when the last wait ended. */
  isReady(index: number): boolean;
}

/** The WireGuard engine as the loop drives it. It counts by itself what it drops. */
export type TunnelEngine = Pick<Engine, "fromTun" | "fromNetwork" | "expire" | "nextDeadlineMs">;

/** What a packet loop connects. */
export interface PacketLoopParts {
  readonly engine: TunnelEngine;
  readonly tun: Tun;
  /** At most one of each family. */
  readonly sockets: readonly UdpSocket[];
  /** Over wake, TUN device and sockets in this order. */
  readonly readiness: Readiness;
  readonly clock: Clock;
  /** Takes the messages of the control thread. */
  readonly onWake: (now: Instant) => void;
}

/** See the top of this file. */
export class PacketLoop {
  /** Packets that the loop let go of, by reason. */
  readonly drops: LoopDropCounts = noLoopDrops();
  readonly #engine: TunnelEngine;
  readonly #tun: Tun;
  readonly #sockets: readonly UdpSocket[];
  readonly #ipv4: UdpSocket | undefined;
  readonly #ipv6: UdpSocket | undefined;
  readonly #readiness: Readiness;
  readonly #clock: Clock;
  readonly #onWake: (now: Instant) => void;
  readonly #sink: EngineSink;
  /** One packet at a time is on its way, so one buffer does, and stays in the processor's cache. */
  readonly #buffer: Uint8Array;
  readonly #offset: number;
  readonly #from = new Endpoint();
  readonly #now: { nowMs: number; wallMs: number };

  constructor(parts: PacketLoopParts) {
    this.#engine = parts.engine;
    this.#tun = parts.tun;
    this.#sockets = parts.sockets;
    this.#ipv4 = parts.sockets.find((socket) => socket.family === 4);
    this.#ipv6 = parts.sockets.find((socket) => socket.family === 6);
    this.#readiness = parts.readiness;
    this.#clock = parts.clock;
    this.#onWake = parts.onWake;
    this.#sink = {
      toNetwork: (buffer, offset, length, to) => this.#toNetwork(buffer, offset, length, to),
      toTun: (buffer, offset, length) => this.#toTun(buffer, offset, length),
    };
    const packet = new PacketPool(1, PACKET_BYTES_MAX + PADDING_BYTES_MAX).acquire();
    this.#buffer = packet?.bytes ?? new Uint8Array(0);
    this.#offset = packet?.offset ?? 0;
    this.#now = { nowMs: parts.clock.monotonicMs(), wallMs: parts.clock.wallMs() };
  }

  /** Waits for something to do and does it. */
  turn(): void {
    this.#readiness.wait(this.#engine.nextDeadlineMs() - this.#now.nowMs);
    this.#now.nowMs = this.#clock.monotonicMs();
    this.#now.wallMs = this.#clock.wallMs();

    if (this.#readiness.isReady(WAKE_INDEX)) this.#onWake(this.#now);
    if (this.#readiness.isReady(TUN_INDEX)) this.#takeFromTun();
    for (let i = 0; i < this.#sockets.length; i++) {
      if (this.#readiness.isReady(FIRST_SOCKET_INDEX + i)) this.#takeFromSocket(this.#sockets[i]!);
    }
    if (this.#engine.nextDeadlineMs() <= this.#now.nowMs) this.#engine.expire(this.#now, this.#sink);
  }

  #takeFromTun(): void {
    for (let i = 0; i < PACKETS_PER_TURN_MAX; i++) {
      const length = this.#tun.read(this.#buffer, this.#offset);
      if (length === 0) return;
      this.#engine.fromTun(this.#buffer, this.#offset, length, this.#now, this.#sink);
    }
  }

  #toNetwork(buffer: Uint8Array, offset: number, length: number, to: Endpoint): void {
    const socket = to.family === 4 ? this.#ipv4 : this.#ipv6;
    if (socket === undefined) {
      this.drops["no-socket-for-family"]++;
      return;
    }
    const result = socket.send(buffer, offset, length, to);
    if (result !== "sent") this.drops[SEND_DROPS[result]]++;
  }

  #takeFromSocket(socket: UdpSocket): void {
    for (let i = 0; i < PACKETS_PER_TURN_MAX; i++) {
      const length = socket.receive(this.#buffer, this.#offset, this.#from);
      if (length === 0) return;
      if (classifyDatagram(this.#buffer, this.#offset, length) === "wireguard") {
        this.#engine.fromNetwork(this.#buffer, this.#offset, length, this.#from, this.#now, this.#sink);
      } else {
        this.drops["not-wireguard"]++;
      }
    }
  }

  #toTun(buffer: Uint8Array, offset: number, length: number): void {
    if (!this.#tun.write(buffer, offset, length)) this.drops["tun-refused"]++;
  }
}
