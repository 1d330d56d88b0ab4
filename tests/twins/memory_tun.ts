/**
 * A TUN device in memory: the test is the kernel on its other side.
 *
 * @module
 */
import { type Tun, type TunOffloads, VIRTIO_HEADER_BYTES } from "../../core/seams/tun.ts";

/** A packet that the kernel routed into the device. */
interface Routed {
  readonly packet: Uint8Array;
  readonly header: Uint8Array;
}

/** See {@linkcode Tun}. */
export class MemoryTun implements Tun {
  readonly name = "memory0";
  readonly fd = -1;
  /** What the kernel takes. */
  offloads: TunOffloads = { tcp: true, udp: true };
  /** Packets written to the device, for the kernel to take; copies. */
  readonly written: Uint8Array[] = [];
  /** The virtio headers of {@linkcode MemoryTun.written}. */
  readonly writtenHeaders: Uint8Array[] = [];
  /** True while the kernel refuses packets. */
  isFull = false;
  /** True once the interface was deleted. */
  isGone = false;
  readonly #waiting: Routed[] = [];

  /** The kernel routes a packet into the device; without a header it is an ordinary one. */
  route(packet: Uint8Array, header: Uint8Array = new Uint8Array(VIRTIO_HEADER_BYTES)): void {
    this.#waiting.push({ packet: packet.slice(), header: header.slice() });
  }

  /** Packets routed into the device and not read yet. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  read(buffer: Uint8Array, offset: number): number {
    if (this.isGone) throw new Error(`read ${this.name}: EBADFD`);
    const routed = this.#waiting.shift();
    if (routed === undefined) return 0;
    const packet = routed.packet.subarray(0, buffer.length - offset);
    buffer.set(routed.header, offset - VIRTIO_HEADER_BYTES);
    buffer.set(packet, offset);
    return packet.length;
  }

  write(buffer: Uint8Array, offset: number, length: number): boolean {
    return this.#take(buffer.slice(offset - VIRTIO_HEADER_BYTES, offset + length));
  }

  writeGathered(buffer: Uint8Array, pieces: Uint32Array, count: number): boolean {
    const parts = Array.from({ length: count }, (_, index) => {
      const [offset = 0, length = 0] = pieces.subarray(2 * index);
      return buffer.subarray(offset, offset + length);
    });
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let end = 0;
    for (const part of parts) {
      whole.set(part, end);
      end += part.length;
    }
    return this.#take(whole);
  }

  [Symbol.dispose](): void {
    this.isGone = true;
  }

  #take(packet: Uint8Array): boolean {
    if (this.isFull || this.isGone) return false;
    this.writtenHeaders.push(packet.subarray(0, VIRTIO_HEADER_BYTES));
    this.written.push(packet.subarray(VIRTIO_HEADER_BYTES));
    return true;
  }
}
