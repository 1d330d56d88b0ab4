/**
 * A fixed number of packet buffers that live as long as the packet loop, so that no packet allocates.
 *
 * Each buffer has room in front for the WireGuard header and behind for the tag, so that a packet is read, sealed and
 * sent without being copied (WireGuard whitepaper §5.4.6). Payloads start 64-byte aligned.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** Bytes in front of the payload: a transport header (WireGuard whitepaper §5.4.6). */
export const HEADROOM_BYTES = 16;

/** Bytes behind the payload: a Poly1305 tag. */
export const TAILROOM_BYTES = 16;

/** Slots start at a multiple of this, so that two packets never share a cache line. */
const SLOT_ALIGN_BYTES = 64;

/** One pooled buffer and the packet in it. Belongs to whoever acquired it until it is released. */
export class PacketBuffer {
  /** Headroom, payload room and tail room. */
  readonly bytes: Uint8Array;
  /** The same memory for integer access; made once, since making one per packet would allocate. */
  readonly view: DataView;
  /** Index in its pool. */
  readonly slot: number;
  /** Where the packet starts in `bytes`. */
  offset: number = HEADROOM_BYTES;
  /** Bytes of the packet. */
  length: number = 0;

  /** Takes `bytes`, a part of its pool's memory. */
  constructor(bytes: Uint8Array, slot: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.slot = slot;
  }
}

/** A pool of {@linkcode PacketBuffer}. Single-threaded, never grows. */
export class PacketPool {
  /** Bytes a packet may have in each buffer, without headroom and tail room. */
  readonly payloadBytes: number;
  readonly #buffers: readonly PacketBuffer[];
  /** Stack of free slots; the most recently used one, still in the cache, is on top. */
  readonly #free: Uint32Array;
  readonly #isFree: Uint8Array;
  #freeCount: number;
  #inUseMax = 0;
  #missCount = 0;

  /** Allocates `count` buffers for payloads of up to `payloadBytes`. */
  constructor(count: number, payloadBytes: number) {
    assert(Number.isSafeInteger(count) && count > 0, "A pool has buffers");
    assert(Number.isSafeInteger(payloadBytes) && payloadBytes > 0, "A pooled buffer has room for a payload");
    this.payloadBytes = payloadBytes;
    const bufferBytes = HEADROOM_BYTES + payloadBytes + TAILROOM_BYTES;
    const strideBytes = Math.ceil(bufferBytes / SLOT_ALIGN_BYTES) * SLOT_ALIGN_BYTES;
    // The first payload, not the first buffer, is aligned: that is what ciphers and checksums walk over.
    const firstBytes = SLOT_ALIGN_BYTES - HEADROOM_BYTES;
    const memory = new ArrayBuffer(firstBytes + count * strideBytes);
    this.#buffers = Array.from(
      { length: count },
      (_, slot) => new PacketBuffer(new Uint8Array(memory, firstBytes + slot * strideBytes, bufferBytes), slot),
    );
    this.#free = Uint32Array.from({ length: count }, (_, index) => count - 1 - index);
    this.#isFree = new Uint8Array(count).fill(1);
    this.#freeCount = count;
  }

  /** Buffers in the pool. */
  get count(): number {
    return this.#buffers.length;
  }

  /** Buffers out now. */
  get inUseCount(): number {
    return this.#buffers.length - this.#freeCount;
  }

  /** The most buffers that were ever out at once. */
  get inUseMax(): number {
    return this.#inUseMax;
  }

  /** How often a buffer was asked for and none was free. */
  get missCount(): number {
    return this.#missCount;
  }

  /** A buffer with an empty packet behind the headroom and stale bytes; `undefined`, counted, when all are out. */
  acquire(): PacketBuffer | undefined {
    if (this.#freeCount === 0) {
      this.#missCount++;
      return undefined;
    }
    const slot = this.#free[--this.#freeCount]!;
    this.#isFree[slot] = 0;
    if (this.inUseCount > this.#inUseMax) this.#inUseMax = this.inUseCount;
    const buffer = this.#buffers[slot]!;
    buffer.offset = HEADROOM_BYTES;
    buffer.length = 0;
    return buffer;
  }

  /** Takes `buffer` back: nobody may touch it from here on. */
  release(buffer: PacketBuffer): void {
    assert(this.#buffers[buffer.slot] === buffer, "A buffer goes back to the pool it came from");
    assert(this.#isFree[buffer.slot] === 0, "A buffer is released once");
    this.#isFree[buffer.slot] = 1;
    this.#free[this.#freeCount++] = buffer.slot;
  }
}
