import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { deleteRaftAclCommand, parseDeleteRaftAclResult } from "../../../../core/state/commands/delete_raft_acl.ts";
import { putRaftAclCommand } from "../../../../core/state/commands/put_raft_acl.ts";
import { listRaftAcls } from "../../../../core/state/queries/raft_acls.ts";
import { newMesh } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("deleteRaftAclCommand: deletes by name, and what is not there is no error", () => {
  using mesh = newMesh(engine);
  for (const name of ["a", "b"]) {
    mesh.apply(putRaftAclCommand({ name, patterns: ["*"], action: "allow", nowMs: 0 }));
  }
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(parseDeleteRaftAclResult(mesh.apply(deleteRaftAclCommand("a"))), { kind: "done" });
    assert.deepEqual(mesh.machine.read(listRaftAcls).map(({ name }) => name), ["b"]);
  }
});
