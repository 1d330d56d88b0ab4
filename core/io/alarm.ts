/**
 * Waiting for a deadline on the control thread: the one place that sets runtime timers.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { nextTick } from "node:process";
import { setImmediate } from "node:timers";
import type { Clock } from "../seams/clock.ts";
import { Deadlines, type Scheduled } from "../time/deadlines.ts";

/** Runtime timers hold 31 bits of milliseconds, 24.8 days; longer waits are made of several. */
const TIMER_MAX_MS = 0x7fffffff;

type Timer = ReturnType<typeof setTimeout>;

/**
 * Timers for many belong to nobody: the call that makes one may be a plugin's, and those that it rings for are not. Failures
 * of theirs would be the plugin's (see `stray_failures.ts`).
 */
const outside = AsyncLocalStorage.snapshot();

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

/**
 * Calls back at the end of the next turn of the event loop: behind what the code that runs now puts off to the end of this
 * turn, and what that puts off again.
 */
export function atNextTurnEnd(call: () => void): void {
  nextTick(() => setImmediate(() => setImmediate(call)));
}

/** Calls back when a deadline is reached; a loop arms it again and again with its engine's next deadline. */
export class Alarm implements Disposable {
  readonly #timer: SharedTimer;
  readonly #waiting: Waiting;

  /**
   * @param onDue Called at or after the armed time, once per arming; not within {@linkcode Alarm.arm}.
   * @param slackMs The call may come so much later, together with that of another alarm: a thread that has nothing else to
   * do wakes up once for both.
   */
  constructor(clock: Clock, onDue: () => void, slackMs = 0) {
    this.#timer = SharedTimer.of(clock);
    this.#waiting = { atMs: Infinity, slackMs, ring: onDue, isDue: false, deadlineMs: Infinity, deadlineSlot: -1 };
  }

  /** Replaces the armed deadline by `atMs` on the clock's monotonic scale; `Infinity` disarms. */
  arm(atMs: number): void {
    this.#timer.arm(this.#waiting, atMs);
  }

  /** No call comes after this one. */
  [Symbol.dispose](): void {
    this.#timer.arm(this.#waiting, Infinity);
  }
}

/** An armed alarm; its deadline is when it must ring. */
interface Waiting extends Scheduled {
  /** From when on it may ring; Infinity while it is not armed. */
  atMs: number;
  readonly slackMs: number;
  readonly ring: () => void;
  /** Its time has come, and its turn among those whose time has come has not. */
  isDue: boolean;
}

/**
 * One timer for all alarms on a clock. What the runtime is asked for is expensive three times over: to make a timer, to
 * wake up for it, and to wake up at the time of one that was cancelled, which the runtime does all the same. So a timer is
 * made only for a deadline before those that timers are there for, none is cancelled while an alarm is armed, and one that
 * finds nothing due makes the next.
 */
class SharedTimer {
  static readonly #byClock = new WeakMap<Clock, SharedTimer>();
  readonly #clock: Clock;
  readonly #waiting = new Deadlines<Waiting>();
  /** Those that are armed and need not ring on time: few, so that they are looked through. */
  readonly #patient = new Set<Waiting>();
  /** The runtime's timers, the one that fires first at the end, and when they do by the runtime's clock. */
  readonly #timers: { readonly timer: Timer; readonly atMs: number }[] = [];
  #isRinging = false;

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  static of(clock: Clock): SharedTimer {
    const known = this.#byClock.get(clock);
    if (known) return known;
    const made = new SharedTimer(clock);
    this.#byClock.set(clock, made);
    return made;
  }

  arm(waiting: Waiting, atMs: number): void {
    if (atMs === waiting.atMs) return;
    waiting.isDue = false;
    waiting.atMs = atMs;
    this.#waiting.schedule(waiting, atMs + waiting.slackMs);
    if (waiting.slackMs > 0) {
      if (atMs < Infinity) this.#patient.add(waiting);
      else this.#patient.delete(waiting);
    }
    if (!this.#isRinging) this.#set();
  }

  /** Sees to it that a timer fires at the next deadline, or before. */
  #set(): void {
    if (this.#waiting.size === 0) {
      for (const { timer } of this.#timers) clearTimeout(timer);
      this.#timers.length = 0;
      return;
    }
    const leftMs = Math.ceil(this.#waiting.nextMs() - this.#clock.monotonicMs());
    const timerMs = Math.min(Math.max(leftMs, 0), TIMER_MAX_MS);
    const atMs = performance.now() + timerMs;
    const first = this.#timers.at(-1);
    if (first && first.atMs <= atMs) return;
    this.#timers.push({ timer: outside(() => setTimeout(this.#fired, timerMs)), atMs });
  }

  readonly #fired = (): void => {
    this.#timers.pop();
    this.#isRinging = true;
    const due = this.#takeDue();
    try {
      for (const waiting of due) {
        // Another one's ring may have armed it anew, or disarmed it.
        if (!waiting.isDue) continue;
        waiting.isDue = false;
        waiting.atMs = Infinity;
        waiting.ring();
      }
    } finally {
      // One that throws ends the process, or the plugin that it belongs to: the others ring as soon as they can.
      for (const waiting of due) if (waiting.isDue) this.#ringNext(waiting);
      // A timer that is made while timers fire may fire too early for its list, and fires twice then.
      queueMicrotask(() => {
        this.#isRinging = false;
        this.#set();
      });
    }
  };

  #ringNext(waiting: Waiting): void {
    waiting.atMs = Infinity;
    this.arm(waiting, -Infinity);
  }

  /** Timers may fire early, by their own rounding and because long waits are cut: then nothing is due. */
  #takeDue(): Waiting[] {
    const nowMs = this.#clock.monotonicMs();
    const due: Waiting[] = [];
    for (let next = this.#waiting.takeDue(nowMs); next; next = this.#waiting.takeDue(nowMs)) due.push(next);
    for (const waiting of this.#patient) if (waiting.deadlineSlot >= 0 && waiting.atMs <= nowMs) due.push(waiting);
    for (const waiting of due) {
      this.#waiting.cancel(waiting);
      this.#patient.delete(waiting);
      waiting.isDue = true;
    }
    return due;
  }
}
