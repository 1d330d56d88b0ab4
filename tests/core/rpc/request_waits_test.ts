/**
 * Tests for `core/rpc/request_waits.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { delay } from "../../../core/io/alarm.ts";
import { RequestWaits } from "../../../core/rpc/request_waits.ts";

Deno.test("RequestWaits: tells of who waits for too long, in order, and of nobody else", async () => {
  const late: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  using waits = new RequestWaits<string>(5, (call) => {
    late.push(call);
    if (call === "last") resolve();
  });
  for (const call of ["first", "in time", "second"]) waits.begin(call);
  waits.end("in time");
  await delay(2);
  waits.begin("last");
  await promise;
  assert.deepEqual(late, ["first", "second", "last"]);
});

Deno.test("RequestWaits: begins again after nobody has waited for a while", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  using waits = new RequestWaits<string>(5, resolve);
  waits.begin("in time");
  waits.end("in time");
  await delay(10);
  waits.begin("late");
  assert.equal(await promise, "late");
});

Deno.test("RequestWaits: disposed, it tells nobody and keeps no timer", () => {
  const waits = new RequestWaits<string>(1, () => assert.fail("told"));
  waits.begin("a");
  waits[Symbol.dispose]();
});
