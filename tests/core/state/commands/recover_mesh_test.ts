import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { LEFT_BEHIND_COUNT_MAX, recoverCommand } from "../../../../core/state/commands/recover_mesh.ts";
import { leftBehind } from "../../../../core/state/queries/left_behind.ts";
import { meshInfo } from "../../../../core/state/queries/mesh_info.ts";
import { nodeById } from "../../../../core/state/queries/node_by_id.ts";
import { newMesh, publicKey } from "../mesh_fixture.ts";

Deno.test("recoverCommand: another epoch, and the survivor votes", async () => {
  using mesh = newMesh(await loadSqlEngine());
  mesh.join(1);
  const past = Array.from(
    { length: LEFT_BEHIND_COUNT_MAX + 1 },
    (_, n) => ({ raftId: n + 5, publicKey: publicKey(n) }),
  );
  assert.equal(
    mesh.apply(recoverCommand({ meshId: "mesh-1", nodeId: "node-1", leftBehind: past })).execResult?.error,
    "",
  );
  assert.deepEqual(mesh.machine.read(leftBehind), past.slice(0, LEFT_BEHIND_COUNT_MAX));
  assert.equal(mesh.machine.read(meshInfo)?.meshId, "mesh-1-e1");
  assert.equal(mesh.machine.read((reader) => nodeById(reader, "node-1"))?.wantsVote, true);
});
