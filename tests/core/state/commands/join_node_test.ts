import { strict as assert } from "node:assert";
import { InvariantError } from "../../../../core/assert.ts";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { encodeEntry } from "../../../../core/state/codec.ts";
import {
  joinCommand,
  type JoinParameters,
  joinParameters,
  joinSql,
  parseJoinResult,
  previewJoin,
  validateJoin,
} from "../../../../core/state/commands/join_node.ts";
import { parameterNames, sqlTokens } from "../../../../core/state/sql_tokens.ts";
import { nodeById } from "../../../../core/state/queries/node_by_id.ts";
import { refusal } from "../../../../core/state/refusal.ts";
import { address, EPOCH_MS, joiner, type Mesh, migratedMesh, newMesh, publicKey, readable } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

function preview(mesh: Mesh, n: number, changes: Partial<JoinParameters> = {}) {
  return mesh.machine.read((reader) => previewJoin(reader, joiner(n, changes)));
}

Deno.test("joinCommand: one entry answers with the whole node", () => {
  using mesh = newMesh(engine);
  const node = mesh.join(1, { wantsVote: true, preferRaftIpv6: true });
  assert.deepEqual(readable(node), {
    id: "node-1",
    publicKey: publicKey(1),
    raftId: 2,
    raftInstance: "log-1",
    raftPort: 9443,
    grpcPort: 8443,
    wireguardPort: 51820,
    primaryEndpoint: "192.0.2.1",
    endpoints: ["192.0.2.1", "2001:db8::1"],
    wantsVote: true,
    preferRaftIpv6: true,
    createdAtMs: EPOCH_MS + 1000,
    updatedAtMs: EPOCH_MS + 1000,
    ipv4: "172.16.0.2",
    ipv6: "fd12:3456:789a:2::1",
    networkIpv6: "fd12:3456:789a:2::/64",
  });
});

Deno.test("joinCommand: repeated, it changes nothing", () => {
  using mesh = newMesh(engine);
  const first = mesh.join(1);
  const before = mesh.contents();
  assert.deepEqual(readable(mesh.join(1, { nowMs: EPOCH_MS + 99_000 })), readable(first));
  assert.deepEqual(mesh.contents(), before);
});

Deno.test("joinCommand: the same id and key change ports, addresses and votes, and nothing else", () => {
  using mesh = newMesh(engine);
  const first = mesh.join(1);
  const second = mesh.join(1, {
    raftPort: 1,
    grpcPort: 0,
    wireguardPort: 3,
    primaryEndpoint: undefined,
    endpoints: [],
    wantsVote: true,
    preferRaftIpv6: true,
    nowMs: EPOCH_MS + 50_000,
  });
  const expected = {
    ...first,
    raftPort: 1,
    grpcPort: 0,
    wireguardPort: 3,
    primaryEndpoint: undefined,
    endpoints: [],
    wantsVote: true,
    preferRaftIpv6: true,
    updatedAtMs: EPOCH_MS + 50_000,
  };
  assert.deepEqual(readable(second), readable(expected));
});

Deno.test("joinCommand: another key under a known id is refused", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  assert.deepEqual(mesh.refusedJoin(1, { publicKey: publicKey(99) }), refusal("id-taken"));
});

Deno.test("joinCommand: an id that differs in case only is refused", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  assert.deepEqual(mesh.refusedJoin(2, { id: "NODE-1" }), refusal("id-taken"));
  assert.deepEqual(mesh.refusedJoin(1, { id: "NODE-1" }), refusal("id-taken"));
});

Deno.test("joinCommand: a known key under another id is refused until its node has left", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  assert.deepEqual(mesh.refusedJoin(2, { publicKey: publicKey(1) }), refusal("key-taken"));
  mesh.leave(1);
  mesh.join(2, { publicKey: publicKey(1) });
});

Deno.test("joinCommand: nodes may share endpoints", () => {
  using mesh = newMesh(engine);
  assert.equal(`${mesh.join(1).primaryEndpoint}`, `${mesh.join(2).primaryEndpoint}`);
});

Deno.test("joinCommand: a new Raft log is a new Raft member", () => {
  using mesh = newMesh(engine);
  assert.equal(mesh.join(1).raftId, 2);
  assert.equal(mesh.join(2).raftId, 3);
  const renewed = mesh.join(1, { raftInstance: "log-1b", nowMs: EPOCH_MS + 7 });
  assert.deepEqual([renewed.raftId, renewed.raftInstance, renewed.updatedAtMs], [4, "log-1b", EPOCH_MS + 7]);
  assert.equal(mesh.join(1, { raftInstance: "" }).raftId, 4);
  assert.equal(mesh.join(1, { raftInstance: "log-1b" }).raftId, 4);
  assert.equal(mesh.join(3, { raftInstance: "" }).raftId, 5);
  assert.equal(mesh.join(3, { raftInstance: "log-3" }).raftId, 6);
});

Deno.test("joinCommand: numbers in Raft are never used twice", () => {
  using mesh = newMesh(engine);
  const seen = new Set([1]);
  for (let round = 0; round < 3; round++) {
    for (const n of [1, 2]) {
      const { raftId } = mesh.join(n);
      assert(!seen.has(raftId));
      seen.add(raftId);
    }
    for (const n of [2, 1]) mesh.leave(n);
  }
});

Deno.test("joinCommand: there is nothing to join before bootstrap", () => {
  using mesh = migratedMesh(engine);
  assert.deepEqual(mesh.refusedJoin(1), refusal("mesh-missing"));
});

Deno.test("joinCommand: an entry stays small", () => {
  assert(encodeEntry(joinCommand(joiner(1))).length < 8192);
});

Deno.test("joinParameters: one value for every parameter of the text", () => {
  const names = parameterNames(sqlTokens(joinSql({})) ?? []);
  assert.deepEqual(Object.keys(joinParameters(joiner(1))).sort(), names.sort());
});

Deno.test("previewJoin: knows what needs no entry", () => {
  using mesh = newMesh(engine);
  assert.equal(preview(mesh, 1), undefined);
  const node = mesh.join(1);
  assert.deepEqual(readable(preview(mesh, 1)), readable({ kind: "joined", node }));
  assert.deepEqual(preview(mesh, 1, { nowMs: EPOCH_MS, raftInstance: "" }), { kind: "joined", node });
  assert.deepEqual(preview(mesh, 1, { publicKey: publicKey(9) }), refusal("id-taken"));
  assert.deepEqual(preview(mesh, 1, { id: "Node-1" }), refusal("id-taken"));
  assert.deepEqual(preview(mesh, 2, { publicKey: publicKey(1) }), refusal("key-taken"));
  assert.equal(preview(mesh, 2), undefined);
});

Deno.test("previewJoin: agrees with the entry for every single change", () => {
  for (
    const changes of [
      {},
      { raftPort: 1 },
      { grpcPort: 1 },
      { wireguardPort: 1 },
      { primaryEndpoint: undefined },
      { endpoints: [address("192.0.2.9")] },
      { wantsVote: true },
      { preferRaftIpv6: true },
      { assignIpv4: false },
      { raftInstance: "other" },
      { raftInstance: "" },
      { nowMs: 1 },
      { publicKey: publicKey(0) },
      { publicKey: publicKey(7) },
      { id: "node-0" },
      { id: "NODE-1" },
      { id: "node-7" },
    ]
  ) {
    using mesh = newMesh(engine);
    mesh.join(1);
    const before = mesh.contents();
    const expected = preview(mesh, 1, changes);
    const result = parseJoinResult(mesh.apply(joinCommand(joiner(1, changes))));
    const label = JSON.stringify(changes);
    if (expected) assert.deepEqual(readable([result, mesh.contents()]), readable([expected, before]), label);
    else assert.notDeepEqual(mesh.contents(), before, label);
  }
});

Deno.test("validateJoin: names what is wrong, and the command refuses to be made", () => {
  assert.equal(validateJoin(joiner(1)), undefined);
  assert.equal(validateJoin(joiner(1, { raftInstance: "x".repeat(64) })), undefined);
  for (
    const changes of [
      { id: "" },
      { id: "a,b" },
      { publicKey: "" },
      { publicKey: publicKey(1).replace("A=", "B=") },
      { publicKey: `${publicKey(1)}\n` },
      { raftPort: 0 },
      { endpoints: Array(17).fill(address("192.0.2.1")) },
      { raftInstance: "x".repeat(65) },
      { raftInstance: "a b" },
    ]
  ) {
    assert.equal(typeof validateJoin(joiner(1, changes)), "string", JSON.stringify(changes));
    assert.throws(() => joinCommand(joiner(1, changes)), InvariantError);
  }
});

Deno.test("joinCommand: the node is found by id afterwards", () => {
  using mesh = newMesh(engine);
  const node = mesh.join(1);
  assert.deepEqual(readable(mesh.machine.read((reader) => nodeById(reader, "node-1"))), readable(node));
});
