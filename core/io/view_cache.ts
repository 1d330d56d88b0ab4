/**
 * The one view that a hot loop keeps asking for.
 *
 * @module
 */

/**
 * `buffer.subarray(offset)`, made anew only when the buffer or the offset differ from the last time. A packet loop
 * reads and writes at the same place of the same buffer thousands of times in a row, and each view costs as much as the
 * call across the FFI boundary it is made for.
 */
export class ViewCache {
  #buffer: Uint8Array | undefined;
  #offset = 0;
  #view: Uint8Array<ArrayBuffer> | undefined;

  /** Borrows `buffer`; the view reaches from `offset` to its end. */
  at(buffer: Uint8Array, offset: number): Uint8Array<ArrayBuffer> {
    if (this.#view !== undefined && buffer === this.#buffer && offset === this.#offset) return this.#view;
    this.#buffer = buffer;
    this.#offset = offset;
    // FFI takes views of ArrayBuffers only; shared memory is never used for packets.
    return this.#view = (buffer as Uint8Array<ArrayBuffer>).subarray(offset);
  }
}
