import { strict as assert } from "node:assert";
import { InvariantError } from "../../../../core/assert.ts";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import {
  parsePutRaftAclResult,
  putRaftAclCommand,
  type PutRaftAclParameters,
} from "../../../../core/state/commands/put_raft_acl.ts";
import { RAFT_ACL_COUNT_MAX } from "../../../../core/state/limits.ts";
import { listRaftAcls, raftAclByName } from "../../../../core/state/queries/raft_acls.ts";
import { refusal } from "../../../../core/state/refusal.ts";
import { EPOCH_MS, type Mesh, newMesh } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

function put(mesh: Mesh, name: string, changes: Partial<PutRaftAclParameters> = {}) {
  const parameters: PutRaftAclParameters = { name, patterns: ["*"], action: "allow", nowMs: EPOCH_MS, ...changes };
  return parsePutRaftAclResult(mesh.apply(putRaftAclCommand(parameters)));
}

Deno.test("putRaftAclCommand: makes an ACL, and replaces it but for the time of its making", () => {
  using mesh = newMesh(engine);
  assert.deepEqual(put(mesh, "a", { patterns: ["x-*", "y?"], action: "deny" }), { kind: "done" });
  assert.deepEqual(put(mesh, "a", { patterns: ["z"], nowMs: EPOCH_MS + 1 }), { kind: "done" });
  assert.deepEqual(mesh.machine.read((reader) => raftAclByName(reader, "a")), {
    name: "a",
    patterns: ["z"],
    action: "allow",
    createdAtMs: EPOCH_MS,
    updatedAtMs: EPOCH_MS + 1,
  });
});

Deno.test("putRaftAclCommand: the most ACLs, and one more", () => {
  using mesh = newMesh(engine);
  for (let n = 0; n < RAFT_ACL_COUNT_MAX; n++) assert.equal(put(mesh, `acl-${n}`).kind, "done");
  assert.deepEqual(put(mesh, "one-more"), refusal("acls-full"));
  assert.equal(put(mesh, "acl-7", { action: "deny" }).kind, "done");
  assert.equal(mesh.machine.read(listRaftAcls).length, RAFT_ACL_COUNT_MAX);
});

Deno.test("putRaftAclCommand: refuses to be made of what cannot be stored", () => {
  const parameters = { name: "a", patterns: ["x,y"], action: "allow", nowMs: 0 } as const;
  assert.throws(() => putRaftAclCommand(parameters), InvariantError);
});
