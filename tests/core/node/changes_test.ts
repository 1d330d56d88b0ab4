import assert from "node:assert/strict";
import { Changes } from "../../../core/node/changes.ts";

Deno.test("Changes: until resolves at once, at the change that makes it true, or by the signal", async () => {
  const changes = new Changes();
  const { signal } = new AbortController();
  await changes.until(() => true, signal);
  let value = 0;
  let woken = false;
  const waiting = changes.until(() => value === 2, signal).then(() => woken = true);
  value = 1;
  changes.notify();
  await Promise.resolve();
  assert.equal(woken, false);
  value = 2;
  changes.notify();
  await waiting;
  const stop = new AbortController();
  const stopped = changes.until(() => false, stop.signal);
  stop.abort(new Error("stop"));
  await assert.rejects(stopped, /stop/);
  await assert.rejects(changes.until(() => true, stop.signal), /stop/);
});
