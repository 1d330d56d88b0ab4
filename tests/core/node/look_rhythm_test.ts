import { strict as assert } from "node:assert";
import { LOOK_EVERY_MAX_MS, LOOK_EVERY_MS, LookRhythm, REST_FACTOR, REST_MS } from "../../../core/node/look_rhythm.ts";

Deno.test("LookRhythm.afterChangeMs: the first change is looked at when it comes", () => {
  assert.ok(new LookRhythm().afterChangeMs() <= 0);
});

Deno.test("LookRhythm.afterChangeMs: a short look is followed by a short rest, a long one by nine times its length", () => {
  const rhythm = new LookRhythm();
  rhythm.looked(1_000, 1_001, false);
  assert.equal(rhythm.afterChangeMs(), 1_001 + REST_MS);
  rhythm.looked(2_000, 2_100, true);
  assert.equal(rhythm.afterChangeMs(), 2_100 + 100 * REST_FACTOR);
});

Deno.test("LookRhythm.looked: pauses double while nothing happens, up to a minute", () => {
  const rhythm = new LookRhythm();
  const pauses: number[] = [];
  let nowMs = 0;
  for (let round = 0; round < 6; round++) {
    const nextMs = rhythm.looked(nowMs, nowMs + 2, true);
    pauses.push(nextMs - nowMs - 2);
    nowMs = nextMs;
  }
  assert.deepEqual(pauses, [10_000, 20_000, 40_000, LOOK_EVERY_MAX_MS, LOOK_EVERY_MAX_MS, LOOK_EVERY_MAX_MS]);
});

Deno.test("LookRhythm.looked: as soon as there was something to do, the next look is near again", () => {
  const rhythm = new LookRhythm();
  for (let round = 0; round < 9; round++) rhythm.looked(0, 0, true);
  assert.equal(rhythm.looked(100, 101, false), 101 + LOOK_EVERY_MS);
  assert.equal(rhythm.looked(200, 201, true), 201 + 2 * LOOK_EVERY_MS);
});
