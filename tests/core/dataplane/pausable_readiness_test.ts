import { strict as assert } from "node:assert";
import { type Readiness, TUN_INDEX, WAKE_INDEX } from "../../../core/dataplane/packet_loop.ts";
import { PausableReadiness } from "../../../core/dataplane/pausable_readiness.ts";

/** Everything is ready; waits are noted. */
function alwaysReady(name: string, waits: string[]): Readiness {
  return { wait: (timeoutMs) => void waits.push(`${name} ${timeoutMs}`), isReady: () => true };
}

Deno.test("PausableReadiness: while paused only messages wake, and no deadline does", () => {
  const waits: string[] = [];
  let isPaused = false;
  const readiness = new PausableReadiness(alwaysReady("all", waits), alwaysReady("wake", waits), () => isPaused);
  readiness.wait(5);
  assert.deepEqual([readiness.isReady(WAKE_INDEX), readiness.isReady(TUN_INDEX)], [true, true]);
  isPaused = true;
  assert.equal(readiness.isReady(TUN_INDEX), false, "from the moment on that a message said so");
  readiness.wait(5);
  assert.deepEqual([readiness.isReady(WAKE_INDEX), readiness.isReady(TUN_INDEX)], [true, false]);
  isPaused = false;
  readiness.wait(7);
  assert.deepEqual(waits, ["all 5", "wake Infinity", "all 7"]);
});
