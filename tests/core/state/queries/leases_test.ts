import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { leaseOf, leaseOfIpv4, listLeases } from "../../../../core/state/queries/leases.ts";
import { address, EPOCH_MS, newMesh, publicKey } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("listLeases: by number, held and released", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  mesh.join(2, { assignIpv4: false });
  mesh.leave(1, EPOCH_MS + 7);
  const list = (pool: "ipv4" | "subnet") =>
    mesh.machine.read((reader) => listLeases(reader, pool)).map(({ number, nodeId, releasedAtMs }) => [
      number,
      nodeId,
      releasedAtMs,
    ]);
  assert.deepEqual(list("subnet"), [
    [1, "node-0", undefined],
    [2, "node-1", EPOCH_MS + 7],
    [3, "node-2", undefined],
  ]);
  assert.deepEqual(list("ipv4"), [[0xac100001, "node-0", undefined], [0xac100002, "node-1", EPOCH_MS + 7]]);
});

Deno.test("leaseOf, leaseOfIpv4: one lease, or none", () => {
  using mesh = newMesh(engine);
  const expected = {
    pool: "ipv4",
    number: 0xac100001,
    nodeId: "node-0",
    publicKey: publicKey(0),
    createdAtMs: EPOCH_MS,
    releasedAtMs: undefined,
  };
  assert.deepEqual(mesh.machine.read((reader) => leaseOf(reader, "ipv4", "node-0", publicKey(0))), expected);
  assert.equal(mesh.machine.read((reader) => leaseOf(reader, "ipv4", "node-0", publicKey(1))), undefined);
  assert.deepEqual(mesh.machine.read((reader) => leaseOfIpv4(reader, address("172.16.0.1"))), expected);
  for (const text of ["172.16.0.2", "0.0.0.1", "fd12:3456:789a:1::1"]) {
    assert.equal(mesh.machine.read((reader) => leaseOfIpv4(reader, address(text))), undefined);
  }
});
