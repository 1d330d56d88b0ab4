/**
 * Calls whose request has not come yet, and for how long: all may wait equally long, so one timer serves them.
 *
 * @module
 */
import { Alarm } from "../io/alarm.ts";
import { systemClock } from "../io/clock.ts";

/** See the module. */
export class RequestWaits<Call> implements Disposable {
  readonly #waitMs: number;
  readonly #onLate: (call: Call) => void;
  /** When each began to wait; who has waited for longest comes first. */
  readonly #sinceMs = new Map<Call, number>();
  readonly #alarm = new Alarm(systemClock, () => this.#ring());
  #isArmed = false;

  /** @param onLate Told of a call whose request has not come within `waitMs`. */
  constructor(waitMs: number, onLate: (call: Call) => void) {
    this.#waitMs = waitMs;
    this.#onLate = onLate;
  }

  /** The call waits from now on. */
  begin(call: Call): void {
    const nowMs = systemClock.monotonicMs();
    this.#sinceMs.set(call, nowMs);
    if (!this.#isArmed) this.#arm(nowMs);
  }

  /** The call does not wait any more. */
  end(call: Call): void {
    this.#sinceMs.delete(call);
  }

  /** Nobody is told any more. */
  [Symbol.dispose](): void {
    this.#sinceMs.clear();
    this.#alarm[Symbol.dispose]();
  }

  #arm(sinceMs: number): void {
    this.#isArmed = true;
    this.#alarm.arm(sinceMs + this.#waitMs);
  }

  #ring(): void {
    const nowMs = systemClock.monotonicMs();
    this.#isArmed = false;
    for (const [call, sinceMs] of this.#sinceMs) {
      if (nowMs - sinceMs < this.#waitMs) return this.#arm(sinceMs);
      this.#sinceMs.delete(call);
      this.#onLate(call);
    }
  }
}
