/**
 * Pieces of one buffer for system calls that gather or scatter (readv(2)): `struct iovec { void *base; size_t len; }`.
 *
 * @module
 */
import { assert } from "../assert.ts";

const VECTOR_WORDS = 4;
const WORD_VALUES = 0x1_0000_0000;

/**
 * The address of the first byte of `buffer`, exact as a number: user space is below 2^48. It is good as long as the
 * buffer lives: memory of array buffers never moves.
 */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): number {
  // Asking a short array for its buffer moves it out of the collector's reach.
  const view = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const address = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(view)));
  assert(Number.isSafeInteger(address) && address > 0, "a buffer has an address");
  return address;
}

/** Writes a 64-bit little-endian address into two words. */
export function writeAddress(words: Uint32Array, index: number, address: number): void {
  words[index] = address >>> 0;
  words[index + 1] = Math.floor(address / WORD_VALUES);
}

/** A fixed number of vectors. Keeps the buffer they point into alive. */
export class IoVectors {
  /** For C: the array of `struct iovec`. */
  readonly words: Uint32Array<ArrayBuffer>;
  #buffer: Uint8Array | undefined;
  #address = 0;

  /** @param count Vectors at most. */
  constructor(count: number) {
    this.words = new Uint32Array(new ArrayBuffer(count * VECTOR_WORDS * Uint32Array.BYTES_PER_ELEMENT));
  }

  /** Makes vector number `index` the `length` bytes at `offset`. All vectors of a call point into the same buffer. */
  set(index: number, buffer: Uint8Array, offset: number, length: number): void {
    assert(offset >= 0 && length >= 0 && offset + length <= buffer.length, "a vector lies inside its buffer");
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      // FFI takes views of ArrayBuffers only; shared memory is never used for packets.
      this.#address = addressOf(buffer as Uint8Array<ArrayBuffer>);
    }
    const word = index * VECTOR_WORDS;
    writeAddress(this.words, word, this.#address + offset);
    this.words[word + 2] = length;
  }
}
