import { strict as assert } from "node:assert";
import { InvariantError } from "../../../../core/assert.ts";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import {
  BOOTSTRAP_RAFT_ID,
  bootstrapCommand,
  parseBootstrapResult,
  validateBootstrap,
} from "../../../../core/state/commands/bootstrap_mesh.ts";
import { listLeases } from "../../../../core/state/queries/leases.ts";
import { listNodes } from "../../../../core/state/queries/list_nodes.ts";
import { meshInfo } from "../../../../core/state/queries/mesh_info.ts";
import { refusal } from "../../../../core/state/refusal.ts";
import { bootstrap, EPOCH_MS, joiner, migratedMesh, newMesh, prefix } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("bootstrapCommand: fixes the mesh and lets its first node in as a voter", () => {
  using mesh = migratedMesh(engine);
  const result = parseBootstrapResult(mesh.apply(bootstrapCommand(bootstrap())));
  assert(result.kind === "joined");
  const { node } = result;
  assert.deepEqual([node.id, node.raftId, node.wantsVote], ["node-0", BOOTSTRAP_RAFT_ID, true]);
  assert.deepEqual([`${node.ipv4}`, `${node.ipv6}`, `${node.networkIpv6}`], [
    "172.16.0.1",
    "fd12:3456:789a:1::1",
    "fd12:3456:789a:1::/64",
  ]);
  const info = mesh.machine.read(meshInfo);
  assert.deepEqual([info?.meshId, info?.engineVersion, info?.schemaVersion, info?.createdAtMs], [
    "mesh-1",
    "3.54.1",
    2,
    EPOCH_MS,
  ]);
});

Deno.test("bootstrapCommand: host bits of both networks are masked", () => {
  using mesh = newMesh(engine, { networkIpv4: prefix("10.1.2.77/24"), networkIpv6: prefix("fd00:1:2:3::4/48") });
  const info = mesh.machine.read(meshInfo);
  assert.deepEqual([`${info?.networkIpv4}`, `${info?.networkIpv6}`], ["10.1.2.0/24", "fd00:1:2::/48"]);
  const [node] = mesh.machine.read(listNodes);
  assert.deepEqual([`${node?.ipv4}`, `${node?.ipv6}`], ["10.1.2.1", "fd00:1:2:1::1"]);
});

Deno.test("bootstrapCommand: a mesh begins once", () => {
  using mesh = newMesh(engine);
  const before = mesh.contents();
  const again = bootstrapCommand(bootstrap({ meshId: "mesh-2", node: joiner(9) }));
  assert.deepEqual(parseBootstrapResult(mesh.apply(again)), refusal("mesh-exists"));
  assert.deepEqual(parseBootstrapResult(mesh.apply(bootstrapCommand(bootstrap()))), refusal("mesh-exists"));
  assert.deepEqual(mesh.contents(), before);
});

Deno.test("bootstrapCommand: without IPv4 for the first node", () => {
  using mesh = newMesh(engine, { node: joiner(0, { assignIpv4: false }) });
  assert.equal(mesh.machine.read(listNodes)[0]?.ipv4, undefined);
  assert.deepEqual(mesh.machine.read((reader) => listLeases(reader, "ipv4")), []);
});

Deno.test("validateBootstrap: names what is wrong", () => {
  assert.equal(validateBootstrap(bootstrap()), undefined);
  for (
    const changes of [
      { meshId: "" },
      { meshId: "x".repeat(65) },
      { meshId: "a b" },
      { networkIpv4: prefix("fd00::/48") },
      { networkIpv4: prefix("10.0.0.0/7") },
      { networkIpv6: prefix("2001:db8::/48") },
    ]
  ) {
    assert.equal(typeof validateBootstrap(bootstrap(changes)), "string", JSON.stringify(changes));
    assert.throws(() => bootstrapCommand(bootstrap(changes)), InvariantError);
  }
});
