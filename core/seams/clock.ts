/**
 * Time as the drivers see it; protocol folders get `nowMs` as an argument and never hold a clock.
 *
 * @module
 */

/** Two clocks: one that only goes forward, one that people read. */
export interface Clock {
  /** Milliseconds, fractional, since an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01T00:00:00Z; may jump either way. */
  wallMs(): number;
}
