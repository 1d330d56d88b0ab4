/**
 * Receiver indices (whitepaper §5.4.2, I): random 32-bit names of handshakes and sessions, so that a packet finds its
 * session without a search and tells an observer nothing.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { Random } from "../seams/random.ts";

/** Draws in a row that may all be taken before the random source must be broken: even half full, one in 2^64. */
const DRAWS_MAX = 64;

/** Indices in use and what they name. Indices are signed 32-bit integers. */
export class SessionIndex<T> {
  readonly #random: Random;
  readonly #indicesMax: number;
  readonly #entries = new Map<number, T>();

  /** @param indicesMax Indices in use at once. */
  constructor(random: Random, indicesMax: number) {
    this.#random = random;
    this.#indicesMax = indicesMax;
  }

  /** Indices in use. */
  get size(): number {
    return this.#entries.size;
  }

  /** Names `entry` with a random index that nothing else has; `undefined` if the table is full. */
  allocate(entry: T): number | undefined {
    if (this.#entries.size >= this.#indicesMax) return undefined;
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      const index = this.#random.u32() | 0;
      if (this.#entries.has(index)) continue;
      this.#entries.set(index, entry);
      return index;
    }
    assert(false, "A random source gives different numbers");
  }

  /** What `index` names. Hot. */
  get(index: number): T | undefined {
    return this.#entries.get(index);
  }

  /** Gives `index` back. */
  free(index: number): void {
    const wasInUse = this.#entries.delete(index);
    assert(wasInUse, "An index is given back once");
  }

  /** All indices in use and what they name. */
  entries(): Iterable<[number, T]> {
    return this.#entries;
  }
}
