/**
 * The real clocks (clock_gettime(2)).
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { Clock } from "../seams/clock.ts";
import type { Libc } from "./libc_ffi.ts";

/** The runtime's clocks. Its monotonic one stands still while the machine sleeps, and starts anew in each thread. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};

const CLOCK_BOOTTIME = 7;
// struct timespec { s64 seconds; s64 nanoseconds; }, read as 32-bit words; 2^32 seconds of uptime are 136 years.
const TIMESPEC_WORDS = 4;
const NANOSECONDS_WORD = 2;

/** How far a clock is ahead of the kernel's. */
export interface Ahead {
  /** Only grows. */
  ms: number;
}

const NOT_AHEAD: Readonly<Ahead> = { ms: 0 };

/**
 * A clock whose monotonic time goes on while the machine sleeps, so that WireGuard sessions expire over the lid of a
 * laptop, and that reads the same in every thread. Belongs to the thread of `libc`.
 *
 * @param ahead For who cannot wait; live.
 */
export function bootClock(libc: Libc, ahead: Readonly<Ahead> = NOT_AHEAD): Clock {
  const words = new Uint32Array(TIMESPEC_WORDS);
  return {
    monotonicMs() {
      const result = libc.steady.clockGettime(CLOCK_BOOTTIME, words);
      assert(result === 0, "CLOCK_BOOTTIME exists since Linux 2.6.39");
      return (words[0] ?? 0) * 1000 + (words[NANOSECONDS_WORD] ?? 0) / 1e6 + ahead.ms;
    },
    wallMs: () => Date.now(),
  };
}
