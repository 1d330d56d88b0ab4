import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { leaveCommand, parseLeaveResult, previewLeave } from "../../../../core/state/commands/leave_node.ts";
import { leaseOf } from "../../../../core/state/queries/leases.ts";
import { listNodes } from "../../../../core/state/queries/list_nodes.ts";
import { EPOCH_MS, newMesh, publicKey } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("leaveCommand: removes the node, names its Raft member and releases its leases", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  mesh.join(2);
  const result = parseLeaveResult(mesh.apply(leaveCommand({ id: "node-1", nowMs: EPOCH_MS + 5 })));
  assert.deepEqual(result, { kind: "left", raftId: 2 });
  assert.deepEqual(mesh.machine.read(listNodes).map(({ id }) => id), ["node-0", "node-2"]);
  for (const pool of ["ipv4", "subnet"] as const) {
    const released = (n: number) =>
      mesh.machine.read((reader) => leaseOf(reader, pool, `node-${n}`, publicKey(n)))?.releasedAtMs;
    assert.deepEqual([released(0), released(1), released(2)], [undefined, EPOCH_MS + 5, undefined]);
  }
});

Deno.test("leaveCommand: an unknown node, or one that left before, is no error and changes nothing", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  mesh.leave(1, EPOCH_MS + 5);
  const before = mesh.contents();
  for (const id of ["node-1", "node-9", "NODE-0", ""]) {
    assert.deepEqual(parseLeaveResult(mesh.apply(leaveCommand({ id, nowMs: EPOCH_MS + 9 }))), { kind: "unknown" });
  }
  assert.deepEqual(mesh.contents(), before);
});

Deno.test("leaveCommand: leaving does not touch the leases of a former owner of the id", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  mesh.leave(1, EPOCH_MS + 5);
  mesh.join(1, { publicKey: publicKey(100) });
  mesh.leave(1, EPOCH_MS + 9);
  const released = (key: number) =>
    mesh.machine.read((reader) => leaseOf(reader, "subnet", "node-1", publicKey(key)))?.releasedAtMs;
  assert.deepEqual([released(1), released(100)], [EPOCH_MS + 5, EPOCH_MS + 9]);
});

Deno.test("previewLeave: only a node of the mesh needs an entry", () => {
  using mesh = newMesh(engine);
  const preview = (id: string) => mesh.machine.read((reader) => previewLeave(reader, { id, nowMs: 0 }));
  assert.equal(preview("node-0"), undefined);
  assert.deepEqual(preview("node-1"), { kind: "unknown" });
});
