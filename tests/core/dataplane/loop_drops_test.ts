import { strict as assert } from "node:assert";
import { LOOP_DROP_REASONS, noLoopDrops, SEND_DROPS } from "../../../core/dataplane/loop_drops.ts";

Deno.test("noLoopDrops: has every reason, at zero", () => {
  assert.deepEqual(Object.keys(noLoopDrops()), [...LOOP_DROP_REASONS]);
  assert.ok(Object.values(noLoopDrops()).every((count) => count === 0));
});

Deno.test("SEND_DROPS: every way of failing has a reason of its own", () => {
  const reasons = Object.values(SEND_DROPS);
  assert.equal(new Set(reasons).size, reasons.length);
  for (const reason of reasons) assert.ok(LOOP_DROP_REASONS.includes(reason));
});
