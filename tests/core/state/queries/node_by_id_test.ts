import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { nodeById, nodeByName, nodeByPublicKey } from "../../../../core/state/queries/node_by_id.ts";
import { newMesh, publicKey } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("nodeById, nodeByName, nodeByPublicKey: one node, or none", () => {
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
});
