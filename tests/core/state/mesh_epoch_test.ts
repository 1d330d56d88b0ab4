import { strict as assert } from "node:assert";
import { meshEpoch, meshOrigin, nextMeshId } from "../../../core/state/mesh_epoch.ts";

Deno.test("nextMeshId: every recovery is another id of the same mesh", () => {
  const first = "00ff";
  const second = nextMeshId(first);
  const third = nextMeshId(second);
  assert.deepEqual([second, third], ["00ff-e1", "00ff-e2"]);
  assert.deepEqual([first, second, third].map(meshEpoch), [0, 1, 2]);
  assert.deepEqual([first, second, third].map(meshOrigin), [first, first, first]);
  assert.equal(meshOrigin("a-e0"), "a-e0");
});
