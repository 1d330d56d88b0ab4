/**
 * Chance for simulations: streams that follow from one seed and do not move each other, so that another draw in one part
 * of the model leaves the rest of a run as it was.
 *
 * @module
 */
import { SeededRandom } from "../twins/seeded_random.ts";

/** A stream of chance. */
export class Chance extends SeededRandom {
  /** The stream that `name` has in the run of `seed`. */
  static stream(seed: number, name: string): Chance {
    let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
    return new Chance(hash ^ (hash >>> 15));
  }

  /** A uniform number in [0, 1). */
  unit(): number {
    return this.u32() / 0x1_0000_0000;
  }

  /** True with `probability`. */
  happens(probability: number): boolean {
    return probability > 0 && this.unit() < probability;
  }

  /** A positive integer, exponentially distributed around `mean`. */
  exponential(mean: number): number {
    return 1 + Math.floor(-Math.log(1 - this.unit()) * mean);
  }

  /** An integer in `low .. high`. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** One of `items`; `undefined` if there is none. */
  pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.below(items.length)];
  }

  /** One of `first` and the others. */
  oneOf<Item>(first: Item, ...others: readonly Item[]): Item {
    const at = this.below(others.length + 1);
    return at === 0 ? first : others[at - 1] ?? first;
  }
}
