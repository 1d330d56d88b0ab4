/**
 * Chance that can be replayed: a `Random` from a seed.
 *
 * @module
 */
import type { Random } from "../../core/seams/random.ts";

/** SplitMix32: small, fast, and good enough to pick test cases. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  u32(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  }

  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.u32() & 0xff;
  }

  /** A uniform integer in 0 .. `count - 1`. */
  below(count: number): number {
    return Math.floor(this.u32() / 0x1_0000_0000 * count);
  }

  /** True once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  /** Bytes of a random length up to `lengthMax`. */
  bytes(lengthMax: number): Uint8Array {
    const bytes = new Uint8Array(this.below(lengthMax + 1));
    this.fill(bytes);
    return bytes;
  }

  /** A generator of its own, so that one consumer's draws do not move another's. */
  split(): SeededRandom {
    return new SeededRandom(this.u32());
  }
}
