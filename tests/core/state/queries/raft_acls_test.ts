import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { putRaftAclCommand } from "../../../../core/state/commands/put_raft_acl.ts";
import { listRaftAcls, raftAclByName } from "../../../../core/state/queries/raft_acls.ts";
import { EPOCH_MS, newMesh } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("listRaftAcls, raftAclByName: ordered by name, as they were put", () => {
  using mesh = newMesh(engine);
  const acls = [
    { name: "b", patterns: ["x-*"], action: "deny" },
    { name: "a", patterns: ["*", "y?"], action: "allow" },
  ] as const;
  for (const acl of acls) mesh.apply(putRaftAclCommand({ ...acl, nowMs: EPOCH_MS }));
  const stored = acls.map((acl) => ({ ...acl, createdAtMs: EPOCH_MS, updatedAtMs: EPOCH_MS }));
  assert.deepEqual(mesh.machine.read(listRaftAcls), stored.toReversed());
  assert.deepEqual(mesh.machine.read((reader) => raftAclByName(reader, "b")), stored[0]);
  assert.equal(mesh.machine.read((reader) => raftAclByName(reader, "B")), undefined);
});
