/**
 * How many answers that are errors are sent over UDP: whoever forges sources must not make this server shout at others.
 *
 * @module
 */

/** Errors in one second, on the average. */
export const UDP_ERRORS_PER_S = 100;
/** Errors at once. */
export const UDP_ERRORS_BURST = 200;

/** A token bucket. */
export class ErrorBudget {
  #tokens = UDP_ERRORS_BURST;
  #filledMs = 0;

  /** True if one more may be sent. */
  take(nowMs: number): boolean {
    const gained = Math.max(0, nowMs - this.#filledMs) * UDP_ERRORS_PER_S / 1000;
    this.#tokens = Math.min(UDP_ERRORS_BURST, this.#tokens + gained);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
