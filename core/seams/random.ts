/**
 * Chance as the cores see it: cryptographic in production, seeded in tests and simulation.
 *
 * @module
 */

/** A source of random bytes. */
export interface Random {
  /** Fills all of `target`. */
  fill(target: Uint8Array): void;
  /** A uniform integer in 0 .. 2^32-1. */
  u32(): number;
}
