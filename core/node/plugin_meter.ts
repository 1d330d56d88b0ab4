/**
 * What calls into plugins cost: measures how long each keeps the thread, and counts strikes per hook. A hook that strikes
 * too often trips the breaker, and the plugin is stopped.
 *
 * Synchronous code cannot be interrupted, so a call that never returns cannot be helped in this thread; one that returns
 * late is seen.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { HOOK_BUDGET_MS, HOOK_STRIKE_WINDOW_MS, HOOK_STRIKES_MAX } from "../plugin/plugin.ts";
import type { Clock } from "../seams/clock.ts";

/** So old a look at how long the thread has waited for a processor may be, in milliseconds. */
const WAIT_LOOK_MS = 20;
/** Turns of the microtask queue after which who was woken has run. */
const WAKE_TURN_COUNT = 8;

/** When something began. */
export interface Mark {
  readonly startMs: number;
  /** How long the thread had waited for a processor at a look shortly before. */
  readonly waitedMs: number;
}

interface Frame {
  startMs: number;
  waitedMs: number;
  /** Spent in calls that are measured by themselves, and what of it was waiting, as far as that was looked at. */
  innerMs: number;
  innerWaitedMs: number;
}

/** One stack of calls for all plugins, so that nobody pays for what another one does inside his call. */
export class HookTimer {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #waitedMs: () => number | undefined;
  /** Frames are used again; those below the depth are of calls that are under way. */
  readonly #frames: Frame[] = [];
  #depth = 0;
  #look: Mark = { startMs: -Infinity, waitedMs: 0 };

  /**
   * @param waitedMs How long this thread has waited for a processor since it began: nobody pays for a host that has other things to
   * do. `undefined` where the system does not say.
   */
  constructor(clock: Pick<Clock, "monotonicMs">, waitedMs: () => number | undefined = () => undefined) {
    this.#clock = clock;
    this.#waitedMs = waitedMs;
  }

  /** Milliseconds on a clock that only goes forward. */
  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** A call begins; {@linkcode HookTimer.end} must follow. */
  begin(): void {
    const { startMs, waitedMs } = this.mark();
    const frame = this.#frames[this.#depth++];
    if (!frame) this.#frames.push({ startMs, waitedMs, innerMs: 0, innerWaitedMs: 0 });
    else {
      frame.startMs = startMs;
      frame.waitedMs = waitedMs;
      frame.innerMs = 0;
      frame.innerWaitedMs = 0;
    }
  }

  /** The call that began last is over. @returns How long it took, without what is measured inside, in milliseconds. */
  end(): number {
    const frame = this.#frames[--this.#depth];
    assert(frame !== undefined, "What ends has begun");
    const elapsedMs = this.nowMs() - frame.startMs;
    const waitedMs = this.#waitedSince(frame, elapsedMs);
    const outer = this.#depth > 0 ? this.#frames[this.#depth - 1] : undefined;
    if (outer) {
      outer.innerMs += elapsedMs;
      outer.innerWaitedMs += waitedMs;
    }
    return elapsedMs - frame.innerMs - Math.max(0, waitedMs - frame.innerWaitedMs);
  }

  /** Something begins. Hot: looks at the system only now and then. */
  mark(): Mark {
    const startMs = this.nowMs();
    if (startMs - this.#look.startMs >= WAIT_LOOK_MS) this.#look = { startMs, waitedMs: this.#waitedMs() ?? 0 };
    return { startMs, waitedMs: this.#look.waitedMs };
  }

  /** For how long the thread has been kept since `mark`. */
  sinceMs(mark: Mark): number {
    const elapsedMs = this.nowMs() - mark.startMs;
    return elapsedMs - this.#waitedSince(mark, elapsedMs);
  }

  /** What is short enough anyway is not looked at. */
  #waitedSince(mark: Mark, elapsedMs: number): number {
    return elapsedMs <= HOOK_BUDGET_MS ? 0 : (this.#waitedMs() ?? 0) - mark.waitedMs;
  }
}

/** What a meter needs. */
export interface MeterParts {
  readonly timer: HookTimer;
  /** Runs a call on behalf of the plugin; see `core/io/stray_failures.ts`. */
  readonly attribute: <Result>(call: () => Result) => Result;
  /** Called once, when the breaker trips; `why` completes `it …`. */
  readonly onTrip: (why: string) => void;
  /** Called at every strike. */
  readonly onStrike?: (hook: string, what: string) => void;
}

/** See the module. One per start of a plugin. */
export class PluginMeter {
  readonly #parts: MeterParts;
  /** Times of strikes by hook. Hooks are named by the host, so there are few. */
  readonly #strikes = new Map<string, number[]>();
  /** The hook for which a watch has begun in this turn of the microtask queue. */
  #watched: string | undefined;
  #hasTripped = false;

  constructor(parts: MeterParts) {
    this.#parts = parts;
  }

  /** Calls into the plugin. */
  run<Result>(hook: string, call: () => Result): Result {
    const { timer, attribute } = this.#parts;
    timer.begin();
    try {
      return attribute(call);
    } finally {
      this.#look(hook, timer.end());
    }
  }

  /** Calls out of the plugin, back into the node: not the plugin's time. */
  outside<Result>(call: () => Result): Result {
    const { timer } = this.#parts;
    timer.begin();
    try {
      return call();
    } finally {
      timer.end();
    }
  }

  /** A promise for the plugin: what it does right after it settles is measured too. */
  wake<Result>(hook: string, promise: Promise<Result>): Promise<Result>;
  /** The same of what `map`, which is the plugin's, makes of the result. */
  wake<Result, Mapped>(hook: string, promise: Promise<Result>, map: (result: Result) => Mapped): Promise<Mapped>;
  wake<Result>(hook: string, promise: Promise<Result>, map?: (result: Result) => unknown): Promise<unknown> {
    return promise.then((result) => {
      this.#watch(hook);
      return map ? map(result) : result;
    }, (error) => {
      this.#watch(hook);
      throw error;
    });
  }

  /** An iteration that the plugin makes, pulled by the node. */
  async *pull<Item>(hook: string, open: () => AsyncIterable<Item>): AsyncGenerator<Item> {
    const items = this.run(hook, () => open()[Symbol.asyncIterator]());
    let isDone = false;
    try {
      for (;;) {
        const next = await this.run(hook, () => items.next());
        if (next.done) {
          isDone = true;
          return;
        }
        yield next.value;
      }
    } catch (error) {
      isDone = true;
      throw error;
    } finally {
      if (!isDone) await this.run(hook, () => items.return?.());
    }
  }

  /** Counts a strike against `hook`; `what` completes `it …`. */
  strike(hook: string, what: string): void {
    const nowMs = this.#parts.timer.nowMs();
    const recent = (this.#strikes.get(hook) ?? []).filter((atMs) => nowMs - atMs < HOOK_STRIKE_WINDOW_MS);
    recent.push(nowMs);
    this.#strikes.set(hook, recent);
    this.#parts.onStrike?.(hook, what);
    if (recent.length < HOOK_STRIKES_MAX || this.#hasTripped) return;
    this.#hasTripped = true;
    this.#parts.onTrip(`${what} (${hook}, ${recent.length} times within ${HOOK_STRIKE_WINDOW_MS / 1000} s)`);
  }

  #look(hook: string, ms: number): void {
    if (ms > HOOK_BUDGET_MS) {
      this.strike(hook, `kept the thread for ${Math.round(ms)} ms, ${HOOK_BUDGET_MS} are allowed`);
    }
  }

  /** One watch for all that wake up in the same turn of the microtask queue. */
  #watch(hook: string): void {
    if (this.#watched === hook) return;
    this.#watched = hook;
    this.#watchTurns(hook);
  }

  async #watchTurns(hook: string): Promise<void> {
    const { timer } = this.#parts;
    const mark = timer.mark();
    await undefined;
    if (this.#watched === hook) this.#watched = undefined;
    for (let turn = 1; turn < WAKE_TURN_COUNT; turn++) await undefined;
    this.#look(hook, timer.sinceMs(mark));
  }
}
