/**
 * A limit on how often something may be done: so many at once, and so many a second after that.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** Starts full. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #updatedMs = -Infinity;

  /**
   * @param perSecond Tokens that come back in a second.
   * @param burst Tokens that there are at most.
   */
  constructor(perSecond: number, burst: number) {
    assert(perSecond > 0 && burst >= 1, "A bucket gives tokens");
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes a token; false if there is none. */
  take(nowMs: number): boolean {
    const passedMs = Math.max(0, nowMs - this.#updatedMs);
    this.#tokens = Math.min(this.#burst, this.#tokens + passedMs * this.#perMs);
    this.#updatedMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
