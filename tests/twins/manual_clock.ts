/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */
import type { Clock } from "../../core/seams/clock.ts";
import type { Instant } from "../../core/time/instant.ts";

/** Both clocks in the hands of a test. */
export class ManualClock implements Clock {
  /** One live object that always shows the present, as a driver's does within a turn. */
  readonly now: Instant;
  readonly #now: { nowMs: number; wallMs: number };

  /** @param wallMs Where the clock that people read starts. */
  constructor(wallMs: number = Date.UTC(2024, 0, 1)) {
    this.#now = { nowMs: 1_000, wallMs };
    this.now = this.#now;
  }

  monotonicMs(): number {
    return this.#now.nowMs;
  }

  wallMs(): number {
    return this.#now.wallMs;
  }

  /** Moves both clocks forward. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`Cannot advance by ${ms} ms`);
    this.#now.nowMs += ms;
    this.#now.wallMs += ms;
  }

  /** Moves both clocks forward until the monotonic one shows exactly `nowMs`; nothing if it is past that. */
  advanceTo(nowMs: number): void {
    if (nowMs <= this.#now.nowMs) return;
    this.#now.wallMs += nowMs - this.#now.nowMs;
    this.#now.nowMs = nowMs;
  }

  /** Sets the clock that people read, forward or back. */
  setWall(wallMs: number): void {
    this.#now.wallMs = wallMs;
  }
}
