import assert from "node:assert/strict";
import { staggeredRace } from "../../../core/io/staggered_race.ts";

class Prize implements Disposable {
  readonly name: string;
  isDisposed = false;

  constructor(name: string) {
    this.name = name;
  }

  [Symbol.dispose](): void {
    this.isDisposed = true;
  }
}

const LONG_MS = 60_000;
const isLoss = (result: Prize | string): result is string => typeof result === "string";
const endless = (signal: AbortSignal) =>
  new Promise<string>((resolve) => signal.addEventListener("abort", () => resolve("aborted"), { once: true }));

Deno.test("staggeredRace: a slow attempt does not keep the next from starting, and is ended by its win", async () => {
  const prize = new Prize("second");
  const { signal } = new AbortController();
  const result = await staggeredRace<Prize, string>([endless, () => Promise.resolve(prize)], isLoss, 1, signal);
  assert.equal(result.won, prize);
  assert.deepEqual(result.lost, ["aborted"]);
});

Deno.test("staggeredRace: who wins too late is disposed", async () => {
  const late = new Prize("late");
  const prize = new Prize("first");
  const { signal } = new AbortController();
  const winsLate = async (limit: AbortSignal) => {
    await endless(limit);
    return late;
  };
  const result = await staggeredRace<Prize, string>([winsLate, () => Promise.resolve(prize)], isLoss, 1, signal);
  assert.equal(result.won, prize);
  assert.equal(late.isDisposed, true);
});

Deno.test("staggeredRace: all lost, none tried, and the end from outside", async () => {
  const { signal } = new AbortController();
  const lost = await staggeredRace<Prize, string>(
    [() => Promise.resolve("a"), () => Promise.resolve("b")],
    isLoss,
    LONG_MS,
    signal,
  );
  assert.deepEqual(lost, { won: undefined, lost: ["a", "b"] });
  assert.deepEqual(await staggeredRace<Prize, string>([], isLoss, LONG_MS, signal), { won: undefined, lost: [] });
  const stop = new AbortController();
  const stopped = staggeredRace<Prize, string>([endless, endless], isLoss, LONG_MS, stop.signal);
  stop.abort();
  assert.deepEqual(await stopped, { won: undefined, lost: ["aborted"] });
});

Deno.test("staggeredRace: a loss starts the next at once, a win starts none", async () => {
  const prize = new Prize("b");
  const { signal } = new AbortController();
  let startedCount = 0;
  const counted = (result: Prize | string) => () => {
    startedCount++;
    return Promise.resolve(result);
  };
  const result = await staggeredRace<Prize, string>(
    [counted("a lost"), counted(prize), counted("never")],
    isLoss,
    LONG_MS,
    signal,
  );
  assert.equal(result.won, prize);
  assert.deepEqual(result.lost, ["a lost"]);
  assert.equal(startedCount, 2);
  assert.equal(prize.isDisposed, false);
});
