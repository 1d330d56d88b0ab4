/**
 * A seeded source of chance: the same seed plays the same game.
 *
 * @module
 */
import type { Random } from "../../../../core/seams/random.ts";

/** PCG-like generator on 32 bits (splitmix32), good enough to shuffle events. */
export class Chance implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  u32(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.u32();
  }

  /** 0 .. `count` - 1. */
  below(count: number): number {
    return this.u32() % count;
  }

  /** Once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  /** One of `items`, `undefined` if there is none. */
  pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.below(items.length)];
  }

  /** An independent source. */
  split(): Chance {
    return new Chance(this.u32());
  }
}
