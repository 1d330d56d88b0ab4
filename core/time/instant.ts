/**
 * The two clock readings a driver hands to a protocol core, taken once per turn.
 *
 * @module
 */

/** One reading of both clocks. Drivers reuse one mutable object per loop; cores copy the numbers they keep. */
export interface Instant {
  /** Monotonic milliseconds; all timers compare against this. */
  readonly nowMs: number;
  /** Wall clock, milliseconds since 1970-01-01T00:00:00Z; only for TAI64N and for people. */
  readonly wallMs: number;
}
