/**
 * Joins packets that came out of the tunnel into super-packets, so that the kernel takes one where many were sent.
 *
 * Packets are added as they are decrypted and stay in memory where they are; `flush` hands them to the TUN device. In
 * between up to {@linkcode RUNS_MAX} runs grow side by side, so that flows may be interleaved. Runs are written in the
 * order in which they began and a packet that cannot join its flow's run ends it: the packets of one flow arrive in
 * order. A packet whose flow cannot be told (a fragment, ICMP, anything but TCP and UDP) ends all runs.
 *
 * Checksums: a super-packet has none, the kernel takes it as verified. So only packets whose checksums were found right
 * here are joined; all others are written as they came, and the kernel does with them what it does.
 *
 * @module
 */
import type { Tun } from "../seams/tun.ts";
import type { LoopDropCounts } from "./loop_drops.ts";
import { InnerPacket } from "./inner_packet.ts";
import type { PacketMemory } from "./packet_memory.ts";
import { PacketRun } from "./packet_run.ts";
import { TCP_PROTOCOL } from "./transport_header.ts";

/** Runs between two flushes; one more flushes. */
export const RUNS_MAX = 64;
/** A packet may join one of the latest so many runs. */
export const RUNS_OPEN_MAX = 16;

/** Collects packets for one TUN device. */
export class Coalescer {
  readonly #tun: Tun;
  readonly #packet: InnerPacket;
  readonly #runs: readonly PacketRun[];
  #count = 0;
  /** Runs before this one are closed. */
  #firstOpen = 0;
  readonly #drops: LoopDropCounts;

  /** For packets in `memory`, which go to `tun`; those that it refuses are counted in `drops`. */
  constructor(memory: PacketMemory, tun: Tun, drops: LoopDropCounts) {
    this.#tun = tun;
    this.#drops = drops;
    this.#packet = new InnerPacket(memory);
    this.#runs = Array.from({ length: RUNS_MAX }, () => new PacketRun(memory));
  }

  /**
   * Takes the packet of `length` bytes at `offset`. It and the ten bytes in front of it belong to this object until the
   * next flush, and are overwritten.
   */
  add(offset: number, length: number): void {
    if (this.#count === RUNS_MAX) this.flush();
    const packet = this.#packet;
    packet.read(offset, length);
    if (packet.kind === "opaque") {
      this.#begin(false);
      this.#firstOpen = this.#count;
      return;
    }
    const { offloads } = this.#tun;
    const isJoinable = packet.kind === "joinable" &&
      (packet.protocol === TCP_PROTOCOL ? offloads.tcp : offloads.udp) && packet.isIntact();
    const run = this.#runOf(packet);
    if (run !== undefined) {
      if (isJoinable && run.join(packet)) return;
      run.close();
    }
    this.#begin(isJoinable);
  }

  /** Writes everything that was added. */
  flush(): void {
    for (let i = 0; i < this.#count; i++) {
      const run = this.#runs[i]!;
      if (!run.write(this.#tun)) this.#drops["tun-refused"] += run.count;
    }
    this.#count = 0;
    this.#firstOpen = 0;
  }

  #begin(isOpen: boolean): void {
    this.#runs[this.#count++]!.begin(this.#packet, isOpen);
    if (this.#count - this.#firstOpen > RUNS_OPEN_MAX) this.#firstOpen++;
  }

  #runOf(packet: InnerPacket): PacketRun | undefined {
    for (let i = this.#count - 1; i >= this.#firstOpen; i--) {
      const run = this.#runs[i]!;
      if (run.isOpenFor(packet)) return run;
    }
    return undefined;
  }
}
