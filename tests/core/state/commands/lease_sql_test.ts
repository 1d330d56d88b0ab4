import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { entrySqlProblem } from "../../../../core/state/determinism.ts";
import { executionEntry, queryEntry } from "../../../../core/state/codec.ts";
import { holdLeaseSql, releaseLeaseSql } from "../../../../core/state/commands/lease_sql.ts";
import { leaseOf, leaseOfIpv4, listLeases } from "../../../../core/state/queries/leases.ts";
import { refusal, refusalIn } from "../../../../core/state/refusal.ts";
import { address, EPOCH_MS, type Mesh, newMesh, prefix, publicKey } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

function ipv4s(mesh: Mesh): string[] {
  return mesh.machine.rows("SELECT number, node_id FROM leases WHERE pool = 'ipv4' ORDER BY number").rows
    .map(([number, id]) => `${Number(number) % 256} ${id}`);
}

Deno.test("holdLeaseSql, releaseLeaseSql: may stand in log entries", () => {
  assert.equal(entrySqlProblem(holdLeaseSql("ipv4", "ipv4-exhausted", "TRUE")), undefined);
  assert.equal(entrySqlProblem(releaseLeaseSql("subnet", "TRUE")), undefined);
});

Deno.test("holdLeaseSql: numbers rise from the first, and every node has its own", () => {
  using mesh = newMesh(engine);
  const nodes = Array.from({ length: 70 }, (_, n) => mesh.join(n + 1));
  assert.deepEqual(nodes.map(({ ipv4 }) => `${ipv4}`), nodes.map((_, n) => `172.16.0.${n + 2}`));
  assert.deepEqual(
    nodes.map(({ ipv6 }) => `${ipv6}`),
    nodes.map((_, n) => `fd12:3456:789a:${(n + 2).toString(16)}::1`),
  );
});

Deno.test("holdLeaseSql: a /30 has two addresses, then the join is refused with nothing changed", () => {
  using mesh = newMesh(engine, { networkIpv4: prefix("10.0.0.5/30") });
  assert.equal(`${mesh.join(1).ipv4}`, "10.0.0.6");
  assert.deepEqual(mesh.refusedJoin(2), refusal("ipv4-exhausted"));
  assert.equal(mesh.join(2, { assignIpv4: false }).ipv4, undefined);
  assert.deepEqual(ipv4s(mesh), ["5 node-0", "6 node-1"]);
});

Deno.test("holdLeaseSql: a /31 has two addresses, a /32 one", () => {
  using pair = newMesh(engine, { networkIpv4: prefix("10.0.0.8/31") });
  pair.join(1);
  assert.deepEqual(ipv4s(pair), ["8 node-0", "9 node-1"]);
  assert.deepEqual(pair.refusedJoin(2), refusal("ipv4-exhausted"));
  using single = newMesh(engine, { networkIpv4: prefix("10.0.0.8/32") });
  assert.deepEqual(ipv4s(single), ["8 node-0"]);
  assert.deepEqual(single.refusedJoin(1), refusal("ipv4-exhausted"));
});

Deno.test("holdLeaseSql: the same id and key get the same numbers back, however long they were away", () => {
  using mesh = newMesh(engine, { networkIpv4: prefix("10.0.0.0/28") });
  const first = mesh.join(1);
  mesh.leave(1);
  for (let n = 2; n < 8; n++) mesh.join(n);
  const second = mesh.join(1);
  assert.deepEqual([`${second.ipv4}`, `${second.ipv6}`], [`${first.ipv4}`, `${first.ipv6}`]);
});

Deno.test("holdLeaseSql: another key under a free id is another owner", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  mesh.leave(1);
  assert.equal(`${mesh.join(1, { publicKey: publicKey(100) }).ipv4}`, "172.16.0.3");
  mesh.leave(1);
  assert.equal(`${mesh.join(1).ipv4}`, "172.16.0.2");
});

Deno.test("holdLeaseSql: numbers nobody had come first, then the one released longest ago", () => {
  using mesh = newMesh(engine, { networkIpv4: prefix("10.0.0.0/29") });
  for (const n of [1, 2, 3]) mesh.join(n);
  mesh.leave(2, EPOCH_MS + 1);
  mesh.leave(1, EPOCH_MS + 2);
  mesh.leave(3, EPOCH_MS + 2);
  mesh.join(4);
  mesh.join(5);
  assert.deepEqual(ipv4s(mesh), ["1 node-0", "2 node-1", "3 node-2", "4 node-3", "5 node-4", "6 node-5"]);
  mesh.join(6);
  mesh.join(7);
  assert.deepEqual(ipv4s(mesh), ["1 node-0", "2 node-7", "3 node-6", "4 node-3", "5 node-4", "6 node-5"]);
  assert.equal(`${mesh.join(3).ipv4}`, "10.0.0.4");
  assert.deepEqual(mesh.refusedJoin(1), refusal("ipv4-exhausted"));
  assert.deepEqual(mesh.refusedJoin(2), refusal("ipv4-exhausted"));
});

Deno.test("holdLeaseSql: who loses an IPv4 lease keeps the /64", () => {
  using mesh = newMesh(engine, { networkIpv4: prefix("10.0.0.0/30") });
  const before = mesh.join(1);
  mesh.leave(1);
  mesh.join(2);
  assert.equal(`${mesh.join(1, { assignIpv4: false }).ipv6}`, `${before.ipv6}`);
});

Deno.test("releaseLeaseSql: a node that wants no IPv4 keeps its address until it is needed", () => {
  using mesh = newMesh(engine, { networkIpv4: prefix("10.0.0.0/30") });
  assert.equal(`${mesh.join(1).ipv4}`, "10.0.0.2");
  assert.equal(mesh.join(1, { assignIpv4: false }).ipv4, undefined);
  assert.equal(`${mesh.join(1).ipv4}`, "10.0.0.2");
  mesh.join(1, { assignIpv4: false });
  assert.equal(`${mesh.join(2).ipv4}`, "10.0.0.2");
  assert.deepEqual(mesh.refusedJoin(1), refusal("ipv4-exhausted"));
});

Deno.test("holdLeaseSql: /64 numbers end too, and the one released longest ago goes over", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  mesh.apply(executionEntry("UPDATE pools SET last = 3 WHERE name = 'subnet'", {}));
  mesh.join(2);
  assert.deepEqual(mesh.refusedJoin(3), refusal("subnets-exhausted"));
  mesh.leave(1);
  assert.equal(`${mesh.join(3).networkIpv6}`, "fd12:3456:789a:2::/64");
  assert.deepEqual(mesh.refusedJoin(1), refusal("subnets-exhausted"));
});

Deno.test("holdLeaseSql: the last /64 is 65535 and 0 is never given", () => {
  using mesh = newMesh(engine);
  assert.deepEqual(mesh.machine.rows("SELECT first, last FROM pools WHERE name = 'subnet'").rows, [[1, 65535]]);
  mesh.apply(executionEntry(
    "INSERT INTO leases (pool, number, node_id, public_key, created_at_ms) VALUES ('subnet', 65534, 'x', 'y', 0)",
    {},
  ));
  assert.equal(`${mesh.join(1).networkIpv6}`, "fd12:3456:789a:ffff::/64");
  assert.deepEqual(mesh.refusedJoin(2), refusal("subnets-exhausted"));
});

Deno.test("holdLeaseSql: an address has one owner, whoever writes", () => {
  using mesh = newMesh(engine);
  const response = mesh.apply(queryEntry(
    "INSERT INTO leases (pool, number, node_id, public_key, created_at_ms) " +
      "SELECT pool, number, 'x', 'y', 0 FROM leases WHERE pool = 'ipv4'",
    {},
  ));
  assert.equal(refusalIn(response)?.message.includes("UNIQUE constraint failed"), true);
});

Deno.test("holdLeaseSql: held, released and held again are seen by the queries", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  mesh.leave(1, EPOCH_MS + 5);
  const lease = mesh.machine.read((reader) => leaseOf(reader, "ipv4", "node-1", publicKey(1)));
  assert.deepEqual([lease?.createdAtMs, lease?.releasedAtMs], [EPOCH_MS + 1000, EPOCH_MS + 5]);
  mesh.join(1, { nowMs: EPOCH_MS + 9 });
  const again = mesh.machine.read((reader) => leaseOfIpv4(reader, address("172.16.0.2")));
  assert.deepEqual([again?.nodeId, again?.createdAtMs, again?.releasedAtMs], ["node-1", EPOCH_MS + 1000, undefined]);
  assert.equal(mesh.machine.read((reader) => listLeases(reader, "subnet")).length, 2);
});
