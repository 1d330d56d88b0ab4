/**
 * Asynchronous code in virtual time: after each event of a simulation, every promise reaction that the event caused runs
 * at once, in the order that the language fixes, and nothing else does.
 *
 * The Raft loop and the write-ahead log wait with `await` for their disk and for nothing else. When the simulated disk
 * decides when its promises resolve, and the reactions are drained between two events, those programs run unchanged and
 * every run follows from its seed.
 *
 * Draining without leaving the caller is the one thing here that no web standard offers; the runtime's own binding does
 * it. It refuses within a microtask, hence {@linkcode outsideMicrotasks}.
 *
 * @module
 */
import { Alarm } from "../../core/io/alarm.ts";
import { systemClock } from "../../core/io/clock.ts";

/** Runs all promise reactions that wait, and those that they cause, before it returns. */
export const drainMicrotasks: () => void = findBinding();

function findBinding(): () => void {
  const key: unknown = Reflect.get(Deno, "internal");
  const internals: unknown = typeof key === "symbol" ? Reflect.get(Deno, key) : undefined;
  const core: unknown = isObject(internals) ? Reflect.get(internals, "core") : undefined;
  const binding: unknown = isObject(core) ? Reflect.get(core, "runMicrotasks") : undefined;
  if (typeof binding !== "function") {
    throw new Error("This Deno has no core.runMicrotasks; the project pins one that has");
  }
  return () => void binding();
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/**
 * Runs `work` where microtasks can be drained: in the callback of a timer.
 *
 * @throws {Error} If draining does not work there; otherwise whatever `work` throws.
 */
export function outsideMicrotasks<Result>(work: () => Result): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const alarm = new Alarm(systemClock, () => {
    try {
      assertDrains();
      resolve(work());
    } catch (error) {
      reject(error);
    }
  });
  alarm.arm(systemClock.monotonicMs());
  return promise;
}

function assertDrains(): void {
  let isDrained = false;
  const chain = async () => {
    for (let i = 0; i < 10; i++) await undefined;
    isDrained = true;
  };
  chain();
  drainMicrotasks();
  if (!isDrained) throw new Error("Microtasks cannot be drained here");
}
