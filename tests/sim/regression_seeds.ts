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

/**
 * Newest last. When the simulation comes to draw other numbers, the old bug is put back, and the seeds that find it now
 * take the place of those here.
 */
export const REGRESSION_SEEDS: readonly RegressionSeed[] = [
  {
    seed: 2888,
    events: 20_000,
    fsm: "map",
    found: "a read was confirmed by the answer to a question of an earlier process (core/node/reads.ts)",
  },
  {
    seed: 13,
    events: 20_000,
    fsm: "map",
    found: "a log whose sync had failed took its readable tail for durable (core/io/wal_segments.ts)",
  },
  {
    seed: 1373,
    events: 20_000,
    fsm: "map",
    found: "entries that a new leader replaced before they were written were acknowledged (core/raft/append.ts)",
  },
];
