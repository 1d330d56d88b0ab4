import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { nodeById, nodeByName, nodeByPublicKey, nodeByRaftId } from "../../../../core/state/queries/node_by_id.ts";
import { newMesh, publicKey } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("nodeById, nodeByName, nodeByPublicKey, nodeByRaftId: one node, or none", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  mesh.join(2, { id: "Web" });
  const read = (find: typeof nodeById, what: string) => mesh.machine.read((reader) => find(reader, what))?.id;
  assert.deepEqual(["node-1", "Web", "web", "node", ""].map((id) => read(nodeById, id)), [
    "node-1",
    "Web",
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual(["NODE-1", "web", "wEb", "webs"].map((id) => read(nodeByName, id)), [
    "node-1",
    "Web",
    "Web",
    undefined,
  ]);
  assert.deepEqual([publicKey(2), publicKey(9)].map((key) => read(nodeByPublicKey, key)), ["Web", undefined]);
  const web = mesh.machine.read((reader) => nodeByName(reader, "web"));
  assert(web);
  const numbers = [web.raftId, 0, 99];
  assert.deepEqual(numbers.map((id) => mesh.machine.read((reader) => nodeByRaftId(reader, id))?.id), [
    "Web",
    undefined,
    undefined,
  ]);
});
