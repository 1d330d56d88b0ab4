import assert from "node:assert/strict";
import { DROP_REASONS, noDrops } from "../../../core/wireguard/drop_reason.ts";

Deno.test("noDrops: every reason once, at zero, fresh each time", () => {
  const counts = noDrops();
  assert.deepEqual(Object.keys(counts), [...DROP_REASONS]);
  assert.equal(new Set(DROP_REASONS).size, DROP_REASONS.length);
  assert.ok(Object.values(counts).every((count) => count === 0));
  counts["unknown-type"]++;
  assert.equal(noDrops()["unknown-type"], 0);
});

Deno.test("DROP_REASONS: every reason is explained", async () => {
  const source = await Deno.readTextFile(new URL("../../../core/wireguard/drop_reason.ts", import.meta.url));
  for (const reason of DROP_REASONS) assert.match(source, new RegExp(`/\\*\\* .+\\*/\\n  "${reason}",`), reason);
});
