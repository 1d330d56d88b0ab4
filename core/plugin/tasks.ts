/**
 * Background work and timers of plugins. The host measures how long each turn keeps the thread, and hears of failures.
 *
 * @module
 */

/** Background work. */
export interface Tasks {
  /**
   * Runs `work` until it settles. If it throws before `signal` is aborted, the plugin has failed.
   *
   * @param name What it does, for messages.
   */
  run(name: string, work: (signal: AbortSignal) => Promise<void>): void;
}

/** A timer that is armed again and again. */
export interface Timer extends Disposable {
  /** Replaces the armed deadline by `atMs` on the clock's monotonic scale; `Infinity` disarms. */
  arm(atMs: number): void;
}

/** Timers. All end with the plugin. */
export interface Time {
  /** Resolves when `delayMs` have passed; throws the reason when `signal` is aborted or the plugin stops. */
  delay(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Calls `onDue` at or after the armed time, once per arming. */
  timer(onDue: () => void): Timer;
}
