/**
 * Seeds that once found something. They run first. A seed means the same run only as long as the simulation draws the same
 * numbers; what it found stays as a scenario of its own as well.
 *
 * @module
 */

/** One run that failed. */
export interface RegressionSeed {
  readonly seed: number;
  readonly events: number;
  readonly fsm: "map" | "sqljs";
  /** What was wrong, and where it was mended. */
  readonly found: string;
}

/** Newest last. */
export const REGRESSION_SEEDS: readonly RegressionSeed[] = [
  {
    seed: 823,
    events: 20_000,
    fsm: "map",
    found: "a read was confirmed by the answer to a question of an earlier process (core/node/reads.ts)",
  },
  {
    seed: 22,
    events: 20_000,
    fsm: "map",
    found: "a log whose sync had failed took its readable tail for durable (core/io/wal_segments.ts)",
  },
  { seed: 131, events: 20_000, fsm: "map", found: "the same, with an acknowledged entry gone" },
];
