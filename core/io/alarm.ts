/**
 * Waiting for a deadline on the control thread: the one place that sets runtime timers.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock } from "../seams/clock.ts";

/** Runtime timers hold 31 bits of milliseconds, 24.8 days; longer waits are made of several. */
const TIMER_MAX_MS = 0x7fffffff;

type Timer = ReturnType<typeof setTimeout>;

/**
 * Resolves when `delayMs` have passed.
 *
 * @throws The signal's reason, as soon as `signal` is aborted.
 */
export function delay(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const endMs = performance.now() + delayMs;
    let timer: Timer | undefined;
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const arm = () => {
      const leftMs = endMs - performance.now();
      if (leftMs > TIMER_MAX_MS) {
        timer = setTimeout(arm, TIMER_MAX_MS);
        return;
      }
      timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, Math.max(leftMs, 0));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    arm();
  });
}

/** Calls back when the event loop has done what it has to do now. */
export function atTurnEnd(call: () => void): void {
  setImmediate(call);
}

/** Calls back when a deadline is reached; a loop arms it again and again with its engine's next deadline. */
export class Alarm implements Disposable {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #timer: Timer | undefined;
  #atMs = Infinity;

  /** @param onDue Called at or after the armed time, once per arming; not within {@linkcode Alarm.arm}. */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Replaces the armed deadline by `atMs` on the clock's monotonic scale; `Infinity` disarms. */
  arm(atMs: number): void {
    if (atMs === this.#atMs) return;
    this.#clear();
    if (atMs === Infinity) return;
    this.#atMs = atMs;
    const leftMs = Math.ceil(atMs - this.#clock.monotonicMs());
    this.#timer = setTimeout(() => this.#ring(), Math.min(Math.max(leftMs, 0), TIMER_MAX_MS));
  }

  /** No call comes after this one. */
  [Symbol.dispose](): void {
    this.#clear();
  }

  #ring(): void {
    const atMs = this.#atMs;
    // The timer is over: nothing is left to clear.
    this.#timer = undefined;
    this.#atMs = Infinity;
    // Timers may fire early: by their own rounding, and because long waits are cut.
    if (this.#clock.monotonicMs() < atMs) this.arm(atMs);
    else this.#onDue();
  }

  #clear(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#atMs = Infinity;
  }
}
