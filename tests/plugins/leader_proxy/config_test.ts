import assert from "node:assert/strict";
import { readConfig } from "../../../plugins/leader_proxy/config.ts";

Deno.test("readConfig: how long calls wait for a leader", () => {
  assert.deepEqual(readConfig({}), { leaderWaitMs: 2_000 });
  assert.deepEqual(readConfig({ "leader-wait-ms": "0" }), { leaderWaitMs: 0 });
  for (const raw of [{ "leader-wait-ms": "60001" }, { "leader-wait-ms": "soon" }, { other: "1" }, undefined]) {
    assert.throws(() => readConfig(raw), /leader-wait-ms|no such option "other"|options by name/);
  }
});
