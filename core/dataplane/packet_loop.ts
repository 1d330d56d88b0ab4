/**
 * The packet loop: every packet's way through the program, in one thread and one direction at a time.
 *
 * A turn
 *  1. `turn` waits until a descriptor is readable or WireGuard's next deadline has come, and reads the clock once.
 *  2. Messages of the control thread are taken first, so that a removed peer's packets are refused at once.
 *
 * Packets out
 *  3. `#takeFromTun` reads a packet or super-packet, and the segmenter cuts it.
 *  4. Each segment is put behind the datagrams that are there already; the engine finds its peer, `PathMtu` looks whether
 *     it fits the path there, and the engine seals it in place, or keeps a copy while a handshake runs.
 *  5. The datagram run gives datagrams that follow each other to the socket of the endpoint's family, in one call.
 *
 * Packets in
 *  6. `#takeFromSocket` receives datagrams and their sender, as many together as the kernel has.
 *  7. `classifyDatagram` tells by the first bytes whose each one is.
 *  8. The engine authenticates it, decrypts it in place and checks the inner source.
 *  9. The coalescer joins the inner packets of each flow and writes super-packets to the TUN device.
 *
 * After the packets
 * 10. `expire` does what time alone makes due: handshakes, keepalives, key erasure; and what asks about paths.
 *
 * Runs form while more can be read, so a packet that is alone would wait for a read that finds nothing. After a turn that
 * found one packet, the next one goes on as soon as it is through. One that comes a while after its descriptor was read
 * before goes on like that too, and no other is asked for: if there is one, the next wait is none. What the host answers
 * by itself, echo requests for one, is there as soon as the packet is delivered, and is taken without a wait.
 *
 * No descriptor is read more than {@linkcode PACKETS_PER_TURN_MAX} times, or for much more than
 * {@linkcode BYTES_PER_TURN_MAX}, in a turn, so that a flood on one starves neither the others nor the timers. Nothing
 * that a packet does is fatal; nothing is allocated per packet.
 *
 * @module
 */
import { Endpoint } from "../ip/endpoint.ts";
import type { Clock } from "../seams/clock.ts";
import type { Tun } from "../seams/tun.ts";
import type { UdpSocket } from "../seams/udp_socket.ts";
import type { Instant } from "../time/instant.ts";
import type { Engine } from "../wireguard/engine.ts";
import type { EngineSink } from "../wireguard/sink.ts";
import { Coalescer } from "./coalescing.ts";
import { DatagramRun, ROOM_AROUND_BYTES } from "./datagram_run.ts";
import { classifyDatagram } from "./demux.ts";
import { type LoopDropCounts, noLoopDrops } from "./loop_drops.ts";
import { allocatePacketMemory, type PacketMemory } from "./packet_memory.ts";
import type { PathMtu } from "./path_mtu.ts";
import { Segmenter } from "./segmentation.ts";

/** Packets, super-packets and receptions taken from one descriptor before the next gets its turn. */
export const PACKETS_PER_TURN_MAX = 64;
/** Bytes taken from one descriptor before the next gets its turn; the last packet may go beyond. */
export const BYTES_PER_TURN_MAX = 262_144;
/** A packet that comes so long after its descriptor was read is alone as far as anybody knows. */
export const LONE_AFTER_MS = 1;
/** An IP packet's length field has 16 bits, and a UDP datagram's too. */
const PACKET_BYTES_MAX = 65_535;
/** Ranges of memory start at a multiple of this, so that two never share a cache line. */
const ALIGN_BYTES = 64;

/*
 * Memory: a packet from the TUN device with its virtio header in front, the run of datagrams that is being made of it,
 * and a place for each reception of a turn. Places are always the same, so that pointers to packets in them are found
 * again; they are a little farther apart than a power of two, because the caches would put them on top of each other.
 */
const TUN_START = ALIGN_BYTES;
const TUN_END = aligned(TUN_START + PACKET_BYTES_MAX);
const RUN_START = TUN_END;
const RUN_END = aligned(RUN_START + PACKET_BYTES_MAX + ROOM_AROUND_BYTES);
const RECEIVE_START = RUN_END + ALIGN_BYTES;
const RECEPTION_BYTES = aligned(PACKET_BYTES_MAX) + 33 * ALIGN_BYTES;
const MEMORY_BYTES = RECEIVE_START + (PACKETS_PER_TURN_MAX + 1) * RECEPTION_BYTES;

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
  /** From {@linkcode allocateLoopMemory}; one of its own otherwise. Loops that take turns may share it. */
  readonly memory?: PacketMemory;
  /** Without it every packet counts as one that fits. */
  readonly paths?: Pick<PathMtu, "admit" | "arrive" | "forget" | "nextDeadlineMs" | "expire">;
  /** Takes the messages of the control thread. */
  readonly onWake: (now: Instant) => void;
}

/** What a packet loop works in. Between two turns nothing in it is of use. */
export function allocateLoopMemory(): PacketMemory {
  return allocatePacketMemory(MEMORY_BYTES);
}

/** The time of a turn. Only handshakes ask for the wall clock, so it is not read before. */
class TurnTime implements Instant {
  nowMs: number;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.nowMs = clock.monotonicMs();
  }

  get wallMs(): number {
    return this.#clock.wallMs();
  }

  read(): void {
    this.nowMs = this.#clock.monotonicMs();
  }
}

/** See the top of this file. */
export class PacketLoop {
  /** Packets that the loop let go of, by reason. */
  readonly drops: LoopDropCounts = noLoopDrops();
  readonly #engine: TunnelEngine;
  readonly #tun: Tun;
  readonly #sockets: readonly UdpSocket[];
  readonly #readiness: Readiness;
  readonly #onWake: (now: Instant) => void;
  readonly #sink: EngineSink;
  readonly #memory: PacketMemory;
  /** The part of memory that the device may fill. */
  readonly #tunBuffer: Uint8Array;
  readonly #segmenter: Segmenter;
  readonly #run: DatagramRun;
  readonly #coalescer: Coalescer;
  readonly #paths: PacketLoopParts["paths"];
  #tooBigCount = 0;
  /** What was read last from the device, and from a socket, was all there was: what comes next is alone, and sent at once. */
  #isTunCalm = false;
  #isSocketCalm = false;
  /** When the device, and a socket, were read last. */
  #tunReadMs: number;
  #socketReadMs: number;
  readonly #from = new Endpoint();
  readonly #now: TurnTime;

  constructor(parts: PacketLoopParts) {
    this.#engine = parts.engine;
    this.#tun = parts.tun;
    this.#sockets = parts.sockets;
    this.#readiness = parts.readiness;
    this.#onWake = parts.onWake;
    this.#memory = parts.memory ?? allocateLoopMemory();
    const buffer = this.#memory.bytes;
    this.#tunBuffer = buffer.subarray(0, TUN_END);
    this.#segmenter = new Segmenter(this.#memory);
    const { drops } = this;
    this.#run = new DatagramRun({ buffer, areaStart: RUN_START, areaEnd: RUN_END, sockets: parts.sockets, drops });
    this.#coalescer = new Coalescer(this.#memory, parts.tun, drops);
    this.#paths = parts.paths;
    this.#sink = {
      admit: (buffer, offset, length, peer) => this.#paths?.admit(buffer, offset, length, peer, this.#now) ?? true,
      toNetwork: (buffer, offset, length, to) => this.#run.add(buffer, offset, length, to),
      // Decrypted in place: what was in front of the packet, sixteen bytes of header, is of no use any more.
      toTun: (buffer, offset, length, peer) => {
        if (this.#paths?.arrive(buffer, offset, length, peer, this.#now) === false) return;
        this.#coalescer.add(offset, length);
      },
    };
    this.#now = new TurnTime(parts.clock);
    this.#tunReadMs = this.#now.nowMs;
    this.#socketReadMs = this.#now.nowMs;
  }

  /** Waits for something to do and does it. */
  turn(): void {
    const deadlineMs = Math.min(this.#engine.nextDeadlineMs(), this.#paths?.nextDeadlineMs() ?? Infinity);
    this.#readiness.wait(deadlineMs - this.#now.nowMs);
    this.#now.read();

    if (this.#readiness.isReady(WAKE_INDEX)) this.#onWake(this.#now);
    if (this.#readiness.isReady(TUN_INDEX)) this.#takeFromTun();
    for (let i = 0; i < this.#sockets.length; i++) {
      if (this.#readiness.isReady(FIRST_SOCKET_INDEX + i)) this.#takeFromSocket(this.#sockets[i]!);
    }
    if (this.#engine.nextDeadlineMs() <= this.#now.nowMs) this.#engine.expire(this.#now, this.#sink);
    if (this.#paths !== undefined && this.#paths.nextDeadlineMs() <= this.#now.nowMs) this.#paths.expire(this.#now);
    if (this.drops["datagram-too-big"] !== this.#tooBigCount) this.#askPathsAgain();
  }

  /** The kernel refused a datagram for its size: what is known of paths is not true any more. */
  #askPathsAgain(): void {
    this.#tooBigCount = this.drops["datagram-too-big"];
    this.#paths?.forget(this.#now);
  }

  #isLongAgo(readMs: number): boolean {
    return this.#now.nowMs - readMs >= LONE_AFTER_MS;
  }

  #takeFromTun(): void {
    const isLone = this.#isLongAgo(this.#tunReadMs);
    this.#tunReadMs = this.#now.nowMs;
    let takenBytes = 0;
    let count = 0;
    while (count < PACKETS_PER_TURN_MAX && takenBytes < BYTES_PER_TURN_MAX) {
      const length = this.#tun.read(this.#tunBuffer, TUN_START);
      if (length === 0) break;
      takenBytes += length;
      count++;
      if (this.#segmenter.begin(TUN_START, length)) this.#sendSegments();
      else this.drops["tun-malformed"]++;
      if (isLone) return this.#run.flush();
      if (this.#isTunCalm && count === 1) this.#run.flush();
    }
    this.#isTunCalm = count <= 1;
    this.#run.flush();
  }

  #sendSegments(): void {
    const segmenter = this.#segmenter;
    for (let bytes = segmenter.nextBytes; bytes > 0; bytes = segmenter.nextBytes) {
      const offset = this.#run.reserve(bytes);
      segmenter.next(offset);
      this.#engine.fromTun(this.#memory.bytes, offset, bytes, this.#now, this.#sink);
    }
  }

  #takeFromSocket(socket: UdpSocket): void {
    const isLone = this.#isLongAgo(this.#socketReadMs);
    this.#socketReadMs = this.#now.nowMs;
    let takenBytes = 0;
    let count = 0;
    while (count < PACKETS_PER_TURN_MAX && takenBytes < BYTES_PER_TURN_MAX) {
      const offset = RECEIVE_START + count * RECEPTION_BYTES;
      const length = socket.receive(this.#memory.bytes, offset, this.#from);
      if (length === 0) break;
      takenBytes += length;
      count++;
      this.#takeDatagrams(offset, length, socket.receivedSegmentBytes);
      if (isLone) return this.#deliverLone();
      if (this.#isSocketCalm && count === 1) this.#coalescer.flush();
      // A kernel set up for larger receptions fills the next place too, which must be free again before it is used.
      if (length > PACKET_BYTES_MAX) this.#coalescer.flush();
    }
    this.#isSocketCalm = count <= 1;
    this.#coalescer.flush();
    this.#run.flush();
  }

  /** What was received is on its way, and the answer too, unless it is itself one to what was just read from the device. */
  #deliverLone(): void {
    this.#coalescer.flush();
    this.#run.flush();
    if (this.#isLongAgo(this.#tunReadMs)) this.#takeFromTun();
  }

  #takeDatagrams(offset: number, length: number, segmentBytes: number): void {
    const buffer = this.#memory.bytes;
    const end = offset + length;
    for (let at = offset; at < end; at += segmentBytes) {
      const bytes = Math.min(segmentBytes, end - at);
      if (classifyDatagram(buffer, at, bytes) === "wireguard") {
        this.#engine.fromNetwork(buffer, at, bytes, this.#from, this.#now, this.#sink);
      } else {
        this.drops["not-wireguard"]++;
      }
    }
  }
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGN_BYTES) * ALIGN_BYTES;
}
