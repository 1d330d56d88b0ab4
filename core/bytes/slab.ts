/**
 * Small pieces of memory, cut from large ones.
 *
 * Bytes beyond 64 are memory of their own for the engine: each piece is a call of the system's allocator, a record that the
 * collector must visit, and another call when it is gone. Together that costs more than to fill a piece of a few hundred
 * bytes. A piece of a slab is a view.
 *
 * A slab stays as long as any piece of it: this is for pieces that live about as long as each other.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** What pieces are cut from, unless told otherwise. */
export const SLAB_BYTES: number = 64 << 10;
/** A piece is at most such a part of a slab, so that a slab's end is never a large waste. */
const PIECES_MIN = 4;

/** See the module. */
export class Slab {
  readonly #slabBytes: number;
  #buffer = new ArrayBuffer(0);
  #used = 0;

  constructor(slabBytes: number = SLAB_BYTES) {
    this.#slabBytes = slabBytes;
  }

  /** Returns `length` zeros that nobody else has; more than a quarter of a slab are memory of their own. */
  take(length: number): Uint8Array<ArrayBuffer> {
    assert(length >= 0, "A piece has a length");
    if (length > this.#slabBytes / PIECES_MIN) return new Uint8Array(length);
    if (this.#used + length > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(this.#slabBytes);
      this.#used = 0;
    }
    const piece = new Uint8Array(this.#buffer, this.#used, length);
    this.#used += length;
    return piece;
  }

  /** Returns a copy of `bytes`, which it borrows. */
  copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const piece = this.take(bytes.length);
    piece.set(bytes);
    return piece;
  }
}
