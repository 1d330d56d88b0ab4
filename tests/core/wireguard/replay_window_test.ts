import assert from "node:assert/strict";
import fc from "fast-check";
import { REPLAY_WINDOW_PACKETS, ReplayWindow } from "../../../core/wireguard/replay_window.ts";

/** Asks and marks as a session does. */
function take(window: ReplayWindow, counter: number): boolean {
  if (!window.isFresh(counter)) return false;
  window.mark(counter);
  return true;
}

/** The same rules without a ring. */
class SlowWindow {
  readonly #seen = new Set<number>();
  #highest = -1;

  take(counter: number): boolean {
    if (this.#seen.has(counter) || counter <= this.#highest - REPLAY_WINDOW_PACKETS) return false;
    this.#seen.add(counter);
    this.#highest = Math.max(this.#highest, counter);
    return true;
  }
}

Deno.test("ReplayWindow: each counter once, in and out of order", () => {
  const window = new ReplayWindow();
  for (const counter of [0, 1, 2, 5, 4, 3, 100, 99, 6]) {
    assert.ok(take(window, counter), `${counter}`);
    assert.equal(take(window, counter), false, `${counter} again`);
  }
});

Deno.test("ReplayWindow: exactly 8160 late packets are told from replays", () => {
  assert.equal(REPLAY_WINDOW_PACKETS, 8160);
  for (const highest of [8159, 8160, 8191, 8192, 8223, 1_000_000, 2 ** 32 + 5, 2 ** 53 - 1]) {
    const window = new ReplayWindow();
    assert.ok(take(window, highest));
    const oldest = Math.max(0, highest - REPLAY_WINDOW_PACKETS + 1);
    assert.ok(take(window, oldest), `oldest of ${highest}`);
    assert.equal(take(window, oldest), false);
    if (oldest > 0) assert.equal(take(window, oldest - 1), false, `too old for ${highest}`);
    assert.equal(take(window, highest), false);
  }
});

Deno.test("ReplayWindow: a jump far ahead forgets nothing that it should know", () => {
  const window = new ReplayWindow();
  for (let counter = 0; counter < 9000; counter++) assert.ok(take(window, counter));
  assert.ok(take(window, 9000 + 8191));
  for (let counter = 0; counter < 9032; counter++) assert.equal(window.isFresh(counter), false, `${counter}`);
  for (let counter = 9032; counter < 9000 + 8191; counter++) assert.ok(take(window, counter), `${counter}`);
});

Deno.test("ReplayWindow: words that come round again are clean", () => {
  const window = new ReplayWindow();
  for (let counter = 0; counter < 40_000; counter += 3) assert.ok(take(window, counter));
  for (let counter = 40_000 - 8000; counter < 40_000; counter++) assert.equal(take(window, counter), counter % 3 !== 0);
});

Deno.test("ReplayWindow.isFresh: asking changes nothing", () => {
  const window = new ReplayWindow();
  assert.ok(window.isFresh(10_000));
  assert.ok(take(window, 0));
});

Deno.test("ReplayWindow: agrees with a set of everything seen", () => {
  const step = fc.oneof(
    fc.integer({ min: -40, max: 40 }),
    fc.integer({ min: -8300, max: 8300 }),
    fc.constantFrom(-8161, -8160, -8159, -8192, 8160, 8192, 8224, 100_000),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(0, 8192, 2 ** 31 - 5, 2 ** 32 - 5),
      fc.array(step, { maxLength: 300 }),
      (start, steps) => {
        const window = new ReplayWindow();
        const model = new SlowWindow();
        let at = start;
        for (const by of steps) {
          at = Math.max(0, at + by);
          assert.equal(take(window, at), model.take(at), `${at}`);
          if (by < 0) at -= by;
        }
      },
    ),
  );
});
