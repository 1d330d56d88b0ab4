import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { listNodes } from "../../../../core/state/queries/list_nodes.ts";
import { newMesh } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("listNodes: all nodes, ordered by id byte by byte", () => {
  using mesh = newMesh(engine);
  for (const [n, id] of [[1, "b"], [2, "a"], [3, "C"], [4, "a-1"]] as const) mesh.join(n, { id });
  mesh.leave(0);
  assert.deepEqual(mesh.machine.read(listNodes).map(({ id }) => id), ["C", "a", "a-1", "b"]);
});
