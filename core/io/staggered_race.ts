/**
 * Several ways to one thing, tried one after the other without waiting for each to fail (the idea of Happy Eyeballs, RFC 8305).
 *
 * @module
 */
import { delay } from "./alarm.ts";

/** What a race came to. */
export interface RaceResult<Win, Loss> {
  readonly won: Win | undefined;
  /** In the order in which they were lost. */
  readonly lost: readonly Loss[];
}

/**
 * Starts attempts in order: the next when the one before is lost, or `staggerMs` after it. The first that wins ends the others,
 * which get an aborted signal; one that wins too late is disposed. Resolves when all are over.
 *
 * @param signal Ends the whole race; what has not won by then has lost.
 */
export async function staggeredRace<Win extends Disposable, Loss>(
  attempts: readonly ((signal: AbortSignal) => Promise<Win | Loss>)[],
  isLoss: (result: Win | Loss) => result is Loss,
  staggerMs: number,
  signal: AbortSignal,
): Promise<RaceResult<Win, Loss>> {
  const over = new AbortController();
  const end = () => over.abort();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const lost: Loss[] = [];
  const running = new Set<Promise<void>>();
  let won: Win | undefined;
  for (const start of attempts) {
    if (over.signal.aborted) break;
    const next = new AbortController();
    over.signal.addEventListener("abort", () => next.abort(), { once: true });
    const attempt: Promise<void> = start(over.signal).then((result) => {
      running.delete(attempt);
      if (isLoss(result)) lost.push(result);
      else if (over.signal.aborted) result[Symbol.dispose]();
      else {
        won = result;
        over.abort();
      }
      next.abort();
    });
    running.add(attempt);
    await delay(staggerMs, next.signal).catch(() => {});
  }
  while (running.size > 0 && !over.signal.aborted) await Promise.race(running);
  over.abort();
  await Promise.all(running);
  signal.removeEventListener("abort", end);
  return { won, lost };
}
