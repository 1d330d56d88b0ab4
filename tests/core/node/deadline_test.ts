import assert from "node:assert/strict";
import { DeadlineError, withDeadline } from "../../../core/node/deadline.ts";

function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

Deno.test("withDeadline: returns the result, ends at the deadline or with the parent, leaves no timer", async () => {
  const parent = new AbortController();
  assert.equal(await withDeadline(60_000, parent.signal, () => Promise.resolve(7)), 7);
  await assert.rejects(withDeadline(1, parent.signal, forever), DeadlineError);
  const stopped = withDeadline(60_000, parent.signal, forever);
  parent.abort(new Error("stop"));
  await assert.rejects(stopped, /stop/);
});
