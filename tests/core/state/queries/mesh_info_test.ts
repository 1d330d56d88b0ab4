import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { meshInfo } from "../../../../core/state/queries/mesh_info.ts";
import { EPOCH_MS, newMesh, readable } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("meshInfo: gives what bootstrap fixed", () => {
  using mesh = newMesh(engine);
  assert.deepEqual(readable(mesh.machine.read(meshInfo)), {
    meshId: "mesh-1",
    networkIpv4: "172.16.0.0/12",
    networkIpv6: "fd12:3456:789a::/48",
    engineVersion: "3.54.1",
    schemaVersion: 2,
    createdAtMs: EPOCH_MS,
  });
  assert.deepEqual(mesh.machine.rows("SELECT value FROM mesh_state WHERE key = 'created_at_ms'").rows, [[
    `${EPOCH_MS}`,
  ]]);
});
