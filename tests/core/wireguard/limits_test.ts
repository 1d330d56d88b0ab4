import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../core/wireguard/limits.ts";

Deno.test("DEFAULT_LIMITS: as many peers as the established implementations, and finite memory", () => {
  assert.equal(DEFAULT_LIMITS.peersMax, 65_536);
  for (const [name, limit] of Object.entries(DEFAULT_LIMITS)) assert.ok(Number.isSafeInteger(limit) && limit > 0, name);
  assert.ok(DEFAULT_LIMITS.queuedPacketsMax * 1500 < 32 * 1024 * 1024, "queues together stay small");
});
