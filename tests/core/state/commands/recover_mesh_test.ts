import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { recoverCommand } from "../../../../core/state/commands/recover_mesh.ts";
import { meshInfo } from "../../../../core/state/queries/mesh_info.ts";
import { nodeById } from "../../../../core/state/queries/node_by_id.ts";
import { newMesh } from "../mesh_fixture.ts";

Deno.test("recoverCommand: another epoch, and the survivor votes", async () => {
  using mesh = newMesh(await loadSqlEngine());
  mesh.join(1);
  assert.equal(mesh.apply(recoverCommand({ meshId: "mesh-1", nodeId: "node-1" })).execResult?.error, "");
  assert.equal(mesh.machine.read(meshInfo)?.meshId, "mesh-1-e1");
  assert.equal(mesh.machine.read((reader) => nodeById(reader, "node-1"))?.wantsVote, true);
});
