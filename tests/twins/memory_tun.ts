/**
 * A TUN device in memory: the test is the kernel on its other side.
 *
 * @module
 */
import type { Tun } from "../../core/seams/tun.ts";

/** See {@linkcode Tun}. */
export class MemoryTun implements Tun {
  readonly name = "memory0";
  readonly fd = -1;
  /** Packets written to the device, for the kernel to take; copies. */
  readonly written: Uint8Array[] = [];
  /** True while the kernel refuses packets. */
  isFull = false;
  /** True once the interface was deleted. */
  isGone = false;
  readonly #waiting: Uint8Array[] = [];

  /** The kernel routes a packet into the device. */
  route(packet: Uint8Array): void {
    this.#waiting.push(packet.slice());
  }

  /** Packets routed into the device and not read yet. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  read(buffer: Uint8Array, offset: number): number {
    if (this.isGone) throw new Error(`read ${this.name}: EBADFD`);
    const packet = this.#waiting.shift()?.subarray(0, buffer.length - offset);
    if (packet === undefined) return 0;
    buffer.set(packet, offset);
    return packet.length;
  }

  write(buffer: Uint8Array, offset: number, length: number): boolean {
    if (this.isFull || this.isGone) return false;
    this.written.push(buffer.slice(offset, offset + length));
    return true;
  }

  [Symbol.dispose](): void {
    this.isGone = true;
  }
}
