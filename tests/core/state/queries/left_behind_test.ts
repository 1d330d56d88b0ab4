import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { leftBehind } from "../../../../core/state/queries/left_behind.ts";
import { StateMachine } from "../../../../core/state/apply.ts";
import { newMesh } from "../mesh_fixture.ts";

Deno.test("leftBehind: nobody, before the first migration and before the first recovery", async () => {
  const engine = await loadSqlEngine();
  using empty = StateMachine.open(engine);
  assert.deepEqual(empty.read(leftBehind), []);
  using mesh = newMesh(engine);
  assert.deepEqual(mesh.machine.read(leftBehind), []);
});
