/**
 * Memory for frames of links: small ones of all connections lie behind each other in one buffer after the other.
 *
 * Memory of its own for each frame costs more than the frame: the system gives it, the collector frees it, and libcrypto is
 * told its address. A piece is never given twice; a buffer lives for as long as anybody has a view of it, as logs do of
 * entries, which go in the order in which they came.
 *
 * @module
 */

/** Size of a buffer. */
export const FRAME_BUFFER_BYTES: number = 128 << 10;
/** Longer pieces get a buffer of their own, so that little of one stays unused. */
export const SHARED_PIECE_BYTES_MAX: number = FRAME_BUFFER_BYTES / 4;
/** Pieces begin at multiples of this. */
const ALIGN_BYTES = 16;

/** Where a piece is: from `offset` on in `buffer`. */
export interface FramePiece {
  readonly buffer: Uint8Array;
  readonly offset: number;
}

/** See the module. */
export class FrameMemory {
  #buffer = new Uint8Array(0);
  #used = 0;

  /** `length` bytes of zeros that nobody else has. */
  claim(length: number): FramePiece {
    if (length > SHARED_PIECE_BYTES_MAX) return { buffer: new Uint8Array(length), offset: 0 };
    if (this.#used + length > this.#buffer.length) {
      this.#buffer = new Uint8Array(FRAME_BUFFER_BYTES);
      this.#used = 0;
    }
    const offset = this.#used;
    this.#used = Math.ceil((offset + length) / ALIGN_BYTES) * ALIGN_BYTES;
    return { buffer: this.#buffer, offset };
  }
}
