import assert from "node:assert/strict";
import { eventually, within } from "./eventually.ts";

Deno.test("eventually: returns the first value that is neither undefined nor false", async () => {
  const values = [undefined, false, 0, 1];
  assert.equal(await eventually("a value", () => values.shift(), 5_000), 0);
});

Deno.test("eventually: asks at least once, and says what it waited for", async () => {
  let askedCount = 0;
  await assert.rejects(
    eventually("the moon", () => void askedCount++, 0),
    /^Error: waited 0 ms for the moon$/,
  );
  assert.equal(askedCount, 1);
});

Deno.test("eventually: a throwing condition is asked again, and its last error is the cause", async () => {
  const failure = new Error("not yet");
  await assert.rejects(
    eventually("peace", () => {
      throw failure;
    }, 30),
    (error: Error) => error.message === "waited 30 ms for peace: not yet" && error.cause === failure,
  );
});

Deno.test("within: passes on a value and a rejection, and gives up in time", async () => {
  assert.equal(await within("a value", Promise.resolve(7), 5_000), 7);
  await assert.rejects(within("a failure", Promise.reject(new Error("no")), 5_000), /^Error: no$/);
  await assert.rejects(within("the moon", new Promise(() => {}), 10), /^Error: waited 10 ms for the moon$/);
});
