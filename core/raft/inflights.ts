/**
 * The append messages on their way to one follower: a window bounded in messages and in bytes.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** A queue of (last index, bytes), oldest first. Grows as needed, up to `maxCount`. */
export class Inflights {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  #indexes: number[] = [];
  #sizes: number[] = [];
  /** The oldest one's place in the arrays; what is before it is freed. */
  #head = 0;
  #bytes = 0;

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#indexes.length - this.#head;
  }

  /** Sum over the window. */
  get bytes(): number {
    return this.#bytes;
  }

  /** No more may be added. The byte limit may be passed by the last message added. */
  get full(): boolean {
    return this.count >= this.#maxCount || this.#bytes >= this.#maxBytes;
  }

  /** A message whose last entry is `index` was sent. */
  add(index: number, bytes: number): void {
    assert(!this.full, "A full window sends no entries");
    this.#indexes.push(index);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** Everything up to and including `index` has arrived. */
  freeUpTo(index: number): void {
    let oldest = this.#indexes[this.#head];
    while (oldest !== undefined && oldest <= index) {
      this.#bytes -= this.#sizes[this.#head] ?? 0;
      oldest = this.#indexes[++this.#head];
    }
    if (this.#head * 2 > this.#indexes.length) this.#forgetFreed();
  }

  #forgetFreed(): void {
    this.#indexes = this.#indexes.slice(this.#head);
    this.#sizes = this.#sizes.slice(this.#head);
    this.#head = 0;
  }
}
