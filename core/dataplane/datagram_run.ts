/**
 * Datagrams on their way out: those that lie end to end, have one size and go to one endpoint leave in one system call.
 *
 * Packets are sealed where `reserve` says, one behind the other, so that nothing is copied once more. Whatever does not
 * continue the run ends it: order is kept, also among endpoints.
 *
 * Kernels, sockets and paths that take no runs say so when one is sent. Its datagrams then go one by one, as do the next
 * runs, ever more of them each time a run is refused again.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { HEADROOM_BYTES, TAILROOM_BYTES } from "../bytes/packet_pool.ts";
import { Endpoint } from "../ip/endpoint.ts";
import { RUN_BYTES_MAX, RUN_DATAGRAMS_MAX, type UdpSocket } from "../seams/udp_socket.ts";
import { type LoopDropCounts, SEND_DROPS } from "./loop_drops.ts";

/** Zero bytes that pad a packet to a multiple of 16 before it is sealed (WireGuard whitepaper §5.4.6). */
const PADDING_BYTES_MAX = 15;
/** What a packet needs besides its own bytes. */
export const ROOM_AROUND_BYTES: number = HEADROOM_BYTES + PADDING_BYTES_MAX + TAILROOM_BYTES;
/** Runs that are sent one by one, at most, before another one is tried. */
export const SINGLE_RUNS_MAX = 1024;

/** What a run is made in, and where it goes. */
export interface DatagramRunParts {
  readonly buffer: Uint8Array;
  /** The part of `buffer` that is this object's: at least one packet of any length with what it needs around. */
  readonly areaStart: number;
  readonly areaEnd: number;
  /** At most one of each family. */
  readonly sockets: readonly UdpSocket[];
  /** Counts datagrams that were not sent. */
  readonly drops: LoopDropCounts;
}

/** One run at a time. */
export class DatagramRun {
  readonly #buffer: Uint8Array;
  readonly #areaStart: number;
  readonly #areaEnd: number;
  readonly #ipv4: UdpSocket | undefined;
  readonly #ipv6: UdpSocket | undefined;
  readonly #drops: LoopDropCounts;
  readonly #to = new Endpoint();
  #count = 0;
  #start = 0;
  #end = 0;
  /** Of each datagram but the last. */
  #segmentBytes = 0;
  /** False once a shorter datagram was added. */
  #isOpen = false;
  /** Runs that were last sent one by one after a refusal, and how many of those are to come. */
  #singleRuns = 0;
  #singleRunsLeft = 0;

  constructor(parts: DatagramRunParts) {
    this.#buffer = parts.buffer;
    this.#areaStart = parts.areaStart;
    this.#areaEnd = parts.areaEnd;
    this.#ipv4 = parts.sockets.find((socket) => socket.family === 4);
    this.#ipv6 = parts.sockets.find((socket) => socket.family === 6);
    this.#drops = parts.drops;
  }

  /** The offset for a packet of `packetBytes` that is to be sealed and added; sends the run if there is no room behind. */
  reserve(packetBytes: number): number {
    const bytes = packetBytes + ROOM_AROUND_BYTES;
    if (this.#count > 0) {
      const isFull = this.#count === RUN_DATAGRAMS_MAX || this.#end - this.#start + bytes > RUN_BYTES_MAX ||
        this.#end + bytes > this.#areaEnd;
      if (!isFull) return this.#end + HEADROOM_BYTES;
      this.flush();
    }
    assert(this.#areaStart + bytes <= this.#areaEnd, "The area has room for a packet");
    return this.#areaStart + HEADROOM_BYTES;
  }

  /** Takes a datagram for `to`. If it is in the area, it stays there until the run is sent; otherwise it is borrowed. */
  add(buffer: Uint8Array, offset: number, length: number, to: Endpoint): void {
    if (this.#continues(buffer, offset, length) && to.equals(this.#to)) {
      this.#end += length;
      this.#count++;
      this.#isOpen = length === this.#segmentBytes;
      return;
    }
    this.flush();
    if (buffer !== this.#buffer) return this.#send(buffer, offset, length, to);
    this.#to.copyFrom(to);
    this.#count = 1;
    this.#start = offset;
    this.#end = offset + length;
    this.#segmentBytes = length;
    this.#isOpen = true;
  }

  /** Sends what there is. */
  flush(): void {
    if (this.#count > 1 && this.#singleRunsLeft === 0) this.#sendRun();
    else if (this.#count > 0) this.#sendOneByOne();
    this.#count = 0;
  }

  #continues(buffer: Uint8Array, offset: number, length: number): boolean {
    return this.#count > 0 && this.#isOpen && offset === this.#end && length <= this.#segmentBytes &&
      buffer === this.#buffer && this.#count < RUN_DATAGRAMS_MAX && offset + length - this.#start <= RUN_BYTES_MAX;
  }

  #sendRun(): void {
    const socket = this.#socketOf(this.#to);
    if (socket === undefined) return this.#drop("no-socket-for-family", this.#count);
    const length = this.#end - this.#start;
    const result = socket.sendRun(this.#buffer, this.#start, length, this.#segmentBytes, this.#to);
    if (result === "sent") {
      this.#singleRuns = 0;
    } else if (result === "not-as-run") {
      this.#singleRuns = Math.min(Math.max(2 * this.#singleRuns, 1), SINGLE_RUNS_MAX);
      this.#singleRunsLeft = this.#singleRuns + 1;
      this.#sendOneByOne();
    } else {
      this.#drop(SEND_DROPS[result], this.#count);
    }
  }

  #sendOneByOne(): void {
    if (this.#count > 1) this.#singleRunsLeft--;
    for (let offset = this.#start; offset < this.#end; offset += this.#segmentBytes) {
      this.#send(this.#buffer, offset, Math.min(this.#segmentBytes, this.#end - offset), this.#to);
    }
  }

  #send(buffer: Uint8Array, offset: number, length: number, to: Endpoint): void {
    const socket = this.#socketOf(to);
    if (socket === undefined) return this.#drop("no-socket-for-family", 1);
    const result = socket.send(buffer, offset, length, to);
    if (result !== "sent") this.#drop(SEND_DROPS[result], 1);
  }

  #socketOf(to: Endpoint): UdpSocket | undefined {
    return to.family === 4 ? this.#ipv4 : this.#ipv6;
  }

  #drop(reason: keyof LoopDropCounts, count: number): void {
    this.#drops[reason] += count;
  }
}
