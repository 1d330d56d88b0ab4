/**
 * Raft's time without waking up for it: ticks that only count are given late, all at once, before anything else goes into
 * the engine; the timer is set for the first tick that does something. A node with nothing to do sleeps from heartbeat to
 * heartbeat, and behaves to the tick as one that counts them all as they come.
 *
 * @module
 */
import { Alarm } from "../io/alarm.ts";
import type { Clock } from "../seams/clock.ts";
import type { LoopTime, RaftLoop } from "./raft_loop.ts";

/**
 * A timer that comes more ticks late than this means that the process stood still, and others may have spoken meanwhile. Low,
 * because it costs a tick, and an election that nobody needs costs more.
 */
export const LATE_TICKS_MAX = 2;

/**
 * How long {@linkcode RaftTicker.soon} waits, in milliseconds: longer than it takes under load until what was answered leads to
 * the next writes, shorter than anybody notices.
 */
export const SOON_MS = 25;

/** What a ticker is made of. */
export interface RaftTickerParts {
  readonly clock: Clock;
  /** Length of a tick. */
  readonly tickMs: number;
  /** Another than the program's own in simulations only. */
  readonly makeAlarm?: (onDue: () => void) => Pick<Alarm, "arm"> & Disposable;
}

/** See the module. */
export class RaftTicker implements LoopTime, Disposable {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #alarm: Pick<Alarm, "arm"> & Disposable;
  readonly #soon: Pick<Alarm, "arm"> & Disposable;
  #due: (() => void) | undefined;
  #loop: Pick<RaftLoop, "tick" | "ticksToAction"> | undefined;
  /** When the last tick that was given had been due. */
  #lastMs = 0;
  #armedMs = Infinity;
  #isCatchingUp = false;
  /** The tick that does something was put off after a standstill. */
  #hasWaited = false;

  constructor({ clock, tickMs, makeAlarm = (onDue) => new Alarm(clock, onDue) }: RaftTickerParts) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#alarm = makeAlarm(() => this.#ring());
    this.#soon = makeAlarm(() => {
      const call = this.#due;
      this.#due = undefined;
      call?.();
    });
  }

  /** Time begins for `loop`. */
  begin(loop: Pick<RaftLoop, "tick" | "ticksToAction">): void {
    this.#loop = loop;
    this.#lastMs = this.#clock.monotonicMs();
    this.rest();
  }

  /**
   * Gives the ticks that are due. After a standstill, of the process or the machine, they end before the one that would do
   * something: first it is heard what others sent meanwhile. It is not put off twice, however late all timers are.
   */
  catchUp(): void {
    const loop = this.#loop;
    const nowMs = this.#clock.monotonicMs();
    const elapsed = Math.floor((nowMs - this.#lastMs) / this.#tickMs);
    if (!loop || elapsed <= 0) return;
    const planned = loop.ticksToAction();
    const stoodStill = elapsed > planned + LATE_TICKS_MAX && !this.#hasWaited;
    this.#hasWaited = stoodStill;
    this.#lastMs = stoodStill ? nowMs : this.#lastMs + elapsed * this.#tickMs;
    const due = stoodStill ? planned - 1 : elapsed;
    this.#isCatchingUp = true;
    try {
      for (let i = 0; i < due; i++) loop.tick();
    } finally {
      this.#isCatchingUp = false;
    }
  }

  /**
   * Sets the timer for the next tick that does something; one that is set for earlier stays. Does nothing while ticks are given:
   * the loop does not know how many of them are still to come.
   */
  rest(): void {
    if (this.#isCatchingUp) return;
    const ticks = this.#loop?.ticksToAction() ?? Infinity;
    const atMs = this.#lastMs + ticks * this.#tickMs;
    if (atMs >= this.#armedMs) return;
    this.#armedMs = atMs;
    this.#alarm.arm(atMs);
  }

  soon(call: () => void): void {
    if (this.#due) return;
    this.#due = call;
    this.#soon.arm(this.#clock.monotonicMs() + SOON_MS);
  }

  /** No tick comes after this, nor a call. */
  [Symbol.dispose](): void {
    this.#loop = undefined;
    this.#due = undefined;
    this.#soon[Symbol.dispose]();
    this.#alarm[Symbol.dispose]();
  }

  #ring(): void {
    this.#armedMs = Infinity;
    this.catchUp();
    this.rest();
  }
}
