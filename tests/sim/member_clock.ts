/**
 * A member's monotonic clock in virtual time, and alarms on it: what the product's ticker needs to run unchanged.
 *
 * @module
 */
import type { Alarm } from "../../core/io/alarm.ts";
import type { Clock } from "../../core/seams/clock.ts";

/** What a clock needs of its member. */
export interface MemberClockHost {
  /** True time in microseconds. */
  readonly nowUs: number;
  /** How much longer the member's second is than a true one. */
  readonly rate: number;
  readonly wallMs: number;
  /** Calls back after a true time in microseconds, unless the process has ended by then. */
  after(delayUs: number, what: string, fire: () => void): void;
}

/** The clock of one process. It goes on while the process stands still, as that of a machine does. */
export class MemberClock implements Clock {
  readonly #host: MemberClockHost;
  #trueUs: number;
  #ownUs = 0;

  constructor(host: MemberClockHost) {
    this.#host = host;
    this.#trueUs = host.nowUs;
  }

  monotonicMs(): number {
    const { nowUs, rate } = this.#host;
    this.#ownUs += (nowUs - this.#trueUs) / rate;
    this.#trueUs = nowUs;
    return this.#ownUs / 1000;
  }

  wallMs(): number {
    return this.#host.wallMs;
  }

  /** See `core/io/alarm.ts`. */
  alarm(onDue: () => void): Pick<Alarm, "arm"> & Disposable {
    let armedMs = Infinity;
    // What was armed for another moment finds another number.
    let arming = 0;
    const arm = (atMs: number) => {
      const mine = ++arming;
      armedMs = atMs;
      if (atMs === Infinity) return;
      const delayUs = Math.max(1, Math.ceil((atMs - this.monotonicMs()) * 1000 * this.#host.rate));
      this.#host.after(delayUs, "alarm", () => {
        if (mine !== arming) return;
        // The rate has changed meanwhile, or a fraction was lost.
        if (this.monotonicMs() < armedMs) return arm(armedMs);
        armedMs = Infinity;
        onDue();
      });
    };
    return { arm, [Symbol.dispose]: () => void arming++ };
  }
}
