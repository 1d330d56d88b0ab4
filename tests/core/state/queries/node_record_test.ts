import { strict as assert } from "node:assert";
import { InvariantError } from "../../../../core/assert.ts";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { NODE_RECORD_SQL, nodeRecords } from "../../../../core/state/queries/node_record.ts";
import { newMesh, readable } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("nodeRecords: reads the columns that NODE_RECORD_SQL names", () => {
  using mesh = newMesh(engine);
  const joined = mesh.join(1, { raftPort: 1, grpcPort: 2, wireguardPort: 3, wantsVote: true });
  const records = nodeRecords(mesh.machine.rows(`${NODE_RECORD_SQL} WHERE n.raft_id = 2`).rows);
  assert.deepEqual(readable(records), readable([joined]));
  assert.deepEqual([joined.raftPort, joined.grpcPort, joined.wireguardPort, joined.wantsVote, joined.preferRaftIpv6], [
    1,
    2,
    3,
    true,
    false,
  ]);
});

Deno.test("nodeRecords: no rows, no records; a row that is none is a bug", () => {
  assert.deepEqual(nodeRecords([]), []);
  assert.throws(() => nodeRecords([["node-1"]]), InvariantError);
});

Deno.test("NODE_RECORD_SQL: a released lease is no address", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  assert.equal(mesh.join(1, { assignIpv4: false }).ipv4, undefined);
});
