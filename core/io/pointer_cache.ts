/**
 * Pointers into packet memory for C.
 *
 * A call across the FFI boundary costs 7 ns, and 8 more for each array that it is given instead of a pointer; a view made
 * for a call costs 23. A packet loop comes back to the same few thousand places of one buffer all the time, so their
 * pointers are kept.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { addressOf } from "./io_vectors.ts";

/** Pointers kept, a power of two: the places of the packets of several receptions. */
const SLOT_COUNT = 8192;
const SLOT_SHIFT = 32 - Math.log2(SLOT_COUNT);
/** 2^32 divided by the golden ratio: spreads offsets that are far apart by powers of two. */
const HASH_FACTOR = 0x9e37_79b1;
/** No offset: buffers are shorter than 2 GiB. */
const UNUSED = 0x7fff_ffff;

/** The address of the first byte of `buffer`, good as long as the buffer lives. */
export function pointerTo(buffer: Uint8Array<ArrayBuffer>): Deno.PointerObject {
  return pointerOf(addressOf(buffer));
}

/** Pointers into one buffer at a time; another one starts anew. Keeps the buffer alive. */
export class PointerCache {
  #buffer: Uint8Array | undefined;
  #view = new DataView(new ArrayBuffer(0));
  #address = 0;
  readonly #offsets = new Int32Array(SLOT_COUNT);
  readonly #pointers: (Deno.PointerObject | undefined)[] = new Array(SLOT_COUNT).fill(undefined);

  /** The address of `buffer[offset]`, which is inside the buffer or just behind it. */
  at(buffer: Uint8Array, offset: number): Deno.PointerObject {
    if (buffer !== this.#buffer) this.#adopt(buffer);
    const slot = Math.imul(offset, HASH_FACTOR) >>> SLOT_SHIFT;
    if (this.#offsets[slot] === offset) return this.#pointers[slot]!;
    return this.#make(slot, offset);
  }

  /** The same memory for integer access. */
  viewOf(buffer: Uint8Array): DataView {
    if (buffer !== this.#buffer) this.#adopt(buffer);
    return this.#view;
  }

  #adopt(buffer: Uint8Array): void {
    this.#buffer = buffer;
    // FFI takes views of ArrayBuffers only; shared memory is never used for packets.
    const memory = buffer as Uint8Array<ArrayBuffer>;
    this.#address = addressOf(memory);
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.#offsets.fill(UNUSED);
    if (this.#pointers.length === 0) {
      for (let i = 0; i < SLOT_COUNT; i++) this.#pointers.push(pointerOf(this.#address));
    }
  }

  #make(slot: number, offset: number): Deno.PointerObject {
    assert(offset >= 0 && offset <= (this.#buffer?.length ?? 0), "a pointer stays inside its buffer");
    const pointer = pointerOf(this.#address + offset);
    this.#offsets[slot] = offset;
    this.#pointers[slot] = pointer;
    return pointer;
  }
}

function pointerOf(address: number): Deno.PointerObject {
  const pointer = Deno.UnsafePointer.create(BigInt(address));
  assert(pointer !== null, "no buffer is at address 0");
  return pointer;
}
