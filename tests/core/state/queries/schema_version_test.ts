import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { StateMachine } from "../../../../core/state/apply.ts";
import { listLeases } from "../../../../core/state/queries/leases.ts";
import { listNodes } from "../../../../core/state/queries/list_nodes.ts";
import { meshInfo } from "../../../../core/state/queries/mesh_info.ts";
import { nodeById } from "../../../../core/state/queries/node_by_id.ts";
import { peersForNode } from "../../../../core/state/queries/peers_for_node.ts";
import { listRaftAcls } from "../../../../core/state/queries/raft_acls.ts";
import { raftMembers } from "../../../../core/state/queries/raft_members.ts";
import { SCHEMA_VERSION } from "../../../../core/state/migrations.ts";
import { schemaRows, schemaVersion } from "../../../../core/state/queries/schema_version.ts";
import { migratedMesh } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("schemaVersion: 0 before the first migration, then its number", () => {
  using empty = StateMachine.open(engine);
  assert.equal(empty.read(schemaVersion), 0);
  using mesh = migratedMesh(engine);
  assert.equal(mesh.machine.read(schemaVersion), SCHEMA_VERSION);
});

Deno.test("schemaRows: every query gives nothing before the first migration and before bootstrap", () => {
  using empty = StateMachine.open(engine);
  using mesh = migratedMesh(engine);
  for (const machine of [empty, mesh.machine]) {
    assert.deepEqual(machine.read((reader) => schemaRows(reader, "SELECT * FROM nodes")), []);
    assert.deepEqual(machine.read(listNodes), []);
    assert.deepEqual(machine.read(raftMembers), []);
    assert.deepEqual(machine.read(listRaftAcls), []);
    assert.deepEqual(machine.read((reader) => listLeases(reader, "ipv4")), []);
    assert.deepEqual(machine.read((reader) => peersForNode(reader, "a")), []);
    assert.equal(machine.read((reader) => nodeById(reader, "a")), undefined);
    assert.equal(machine.read(meshInfo), undefined);
  }
});
