/**
 * A limit on how long something may take.
 *
 * @module
 */
import { delay } from "../io/alarm.ts";

/** The reason of a signal that was aborted because time was up. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/**
 * Runs `work` with a signal that is aborted after `timeoutMs`, or with `parent`. The timer is gone when it returns.
 *
 * @throws Whatever `work` throws; it is expected to stop at the signal.
 */
export async function withDeadline<Result>(
  timeoutMs: number,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const done = new AbortController();
  const late = new AbortController();
  const timer = delay(timeoutMs, done.signal).then(
    () => late.abort(new DeadlineError(`Not done within ${timeoutMs} ms`)),
    () => {},
  );
  try {
    return await work(AbortSignal.any([parent, late.signal]));
  } finally {
    done.abort();
    await timer;
  }
}
