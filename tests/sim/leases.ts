/**
 * Who believes to hold which lease, in true time (invariant 10).
 *
 * A holder counts from when it asked, whoever grants counts on its own clock. So two holders may overlap by as much as
 * two clocks differ, and no more.
 *
 * @module
 */

interface Belief {
  readonly holder: number;
  readonly fromUs: number;
  readonly untilUs: number;
}

/** All leases of a run. */
export class Leases {
  readonly #overlapMaxUs: number;
  readonly #beliefs = new Map<number, Belief[]>();

  /** @param skewMaxUs The most that any clock differs from true time. */
  constructor(skewMaxUs: number) {
    // Times in the log are milliseconds, rounded down.
    this.#overlapMaxUs = 2 * skewMaxUs + 2000;
  }

  /** `holder` learns that `lease` is its own. Returns what contradicts that. */
  granted(lease: number, holder: number, fromUs: number, untilUs: number): string | undefined {
    const beliefs = (this.#beliefs.get(lease) ?? []).filter((belief) => belief.untilUs > fromUs - this.#overlapMaxUs);
    const other = beliefs.find((belief) =>
      belief.holder !== holder &&
      Math.min(belief.untilUs, untilUs) - Math.max(belief.fromUs, fromUs) > this.#overlapMaxUs
    );
    beliefs.push({ holder, fromUs, untilUs });
    this.#beliefs.set(lease, beliefs);
    if (other === undefined) return undefined;
    return `lease ${lease} is held by ${other.holder} until ${other.untilUs} and by ${holder} from ${fromUs} us`;
  }
}
