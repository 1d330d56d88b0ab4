/** v1.Mesh on whole nodes in one process. */
import assert from "node:assert/strict";
import { toBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Mesh } from "../../../proto/gen/v1/mesh_pb.ts";
import { ClusterStatus, Feature, MeshNodeSchema } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { Node } from "../../../proto/gen/v1/node_pb.ts";
import type { Host } from "../../../core/plugin/host.ts";
import type { Command } from "../../../core/plugin/state.ts";
import { queryEntry } from "../../../core/state/codec.ts";
import { NODE_ENDPOINT_COUNT_MAX } from "../../../core/state/limits.ts";
import { meshApi } from "../../../plugins/mesh_api/mod.ts";
import { PaperNodes } from "../../core/node/paper_nodes.ts";
import { planned, PluginNode } from "../../core/node/plugin_node.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { endlessCycles } from "../plugin_cycles.ts";
import { pluginPlan } from "../plugin_plan.ts";
import { reflectedServices } from "../reflected_services.ts";

const WAIT_MS = 20_000;
const { getNode, listNodes } = Mesh.method;
/** As many as a node may announce, each as long as an address may be. */
const ENDPOINTS = Array.from(
  { length: NODE_ENDPOINT_COUNT_MAX },
  (_, i) => `2001:db8:aaaa:bbbb:cccc:dddd:eeee:${(0xff00 + i).toString(16)}`,
);
const KEY = new Uint8Array(32).fill(1).toBase64();

function start(): Promise<PluginNode> {
  return PluginNode.start(pluginPlan(meshApi));
}

Deno.test("v1.Mesh: every field is filled, in one form in both methods", async () => {
  await using node = await start();
  const beforeMs = Date.now();
  await node.client.unary(Node.method.join, {
    id: "b",
    publicKey: KEY,
    raftPort: 1001,
    grpcPort: 1002,
    wireguardPort: 1003,
    primaryEndpoint: "192.0.2.7",
    endpoints: ["198.51.100.7", "2001:db8::7"],
    assignIpv4: true,
  });
  const { message: b } = await node.client.unary(getNode, { id: "b" });
  const { $typeName: _, createdAt, updatedAt, privateIpv6, ...rest } = b;
  assert.deepEqual(rest, {
    id: "b",
    primaryEndpoint: "192.0.2.7",
    endpoints: ["198.51.100.7", "2001:db8::7"],
    raftPort: 1001,
    grpcPort: 1002,
    wireguardPort: 1003,
    publicKey: KEY,
    privateIpv4: "10.83.0.2/29",
    clusterStatus: rest.clusterStatus,
  });
  assert.match(privateIpv6, /^fd[0-9a-f:]+::\/64$/);
  assert(createdAt && updatedAt && timestampMs(createdAt) >= beforeMs - 1000);
  assert.deepEqual(createdAt, updatedAt);
  await eventually("the learner", async () => {
    const { message } = await node.client.unary(getNode, { id: "b" });
    return message.clusterStatus === ClusterStatus.CLUSTER_NON_VOTER;
  }, WAIT_MS);
  const { message: { nodes } } = await node.client.unary(listNodes, {});
  assert.deepEqual(nodes.map(({ id }) => id), ["a", "b"]);
  for (const each of nodes) assert.deepEqual((await node.client.unary(getNode, { id: each.id })).message, each);
  const [a] = nodes;
  assert.equal(a?.clusterStatus, ClusterStatus.CLUSTER_LEADER);
  assert([a.raftPort, a.grpcPort, a.wireguardPort].every((port) => port > 0));
  assert.deepEqual([a.privateIpv4, a.primaryEndpoint], ["10.83.0.1/29", "127.0.0.1"]);
});

Deno.test("v1.Mesh: what does not exist, and what cannot", async () => {
  await using node = await start();
  await assert.rejects(node.client.unary(getNode, { id: "x" }), { reason: "not-found", message: "node x not found" });
  await assert.rejects(node.client.unary(getNode, { id: "A" }), { reason: "not-found", hint: /There is "a"/ });
  const longest = "x".repeat(63);
  await assert.rejects(node.client.unary(getNode, { id: longest }), { reason: "not-found" });
  for (const id of ["", `${longest}x`, "with space", "ü", "a..b", "-a", "a\n"]) {
    await assert.rejects(node.client.unary(getNode, { id }), { reason: "invalid-argument" }, JSON.stringify(id));
  }
});

Deno.test("v1.Mesh: nodes come in the order of their ids, byte by byte", async () => {
  await using node = await start();
  for (const [i, id] of ["c", "B", "a1", "0"].entries()) {
    await node.client.unary(Node.method.join, { id, publicKey: new Uint8Array(32).fill(i + 1).toBase64() });
  }
  const { message } = await node.client.unary(listNodes, {});
  assert.deepEqual(message.nodes.map(({ id }) => id), ["0", "B", "a", "a1", "c"]);
  assert.equal(message.nodes[0]?.privateIpv4, "", "it asked for none");
});

/** Nodes with as many endpoints as they may have, made by one entry: joins would take minutes. */
const manyNodes: Command<{ readonly first: number; readonly last: number }, void> = {
  entry: (numbers) =>
    queryEntry(
      `WITH RECURSIVE made (i) AS (SELECT :first UNION ALL SELECT i + 1 FROM made WHERE i < :last)
      INSERT INTO leases SELECT 'subnet', i, printf('%063d', i), printf('%042dA=', i), 0, NULL FROM made;
      WITH RECURSIVE made (i) AS (SELECT :first UNION ALL SELECT i + 1 FROM made WHERE i < :last)
      INSERT INTO nodes SELECT printf('%063d', i), printf('%042dA=', i), i, '', 9443, 8443, 51820, :endpoint, :endpoints,
        0, 0, 0, 0 FROM made;`,
      { ...numbers, endpoint: ENDPOINTS[0] ?? "", endpoints: ENDPOINTS.slice(1).join(",") },
    ),
  result: () => {},
};

Deno.test("v1.Mesh: a list longer than a message may be is RESOURCE_EXHAUSTED, and its nodes are there", async () => {
  const proposing = Promise.withResolvers<Host["propose"]>();
  const maker = planned({
    name: "maker",
    needs: ["propose"],
    start: ({ propose }) => {
      proposing.resolve(propose);
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  });
  await using node = await PluginNode.start([...pluginPlan(meshApi), maker]);
  const propose = await proposing.promise;
  await propose(manyNodes, { first: 100, last: 4_399 });
  const { message: { nodes } } = await node.client.unary(listNodes, {});
  assert.equal(nodes.length, 4_301);
  const nodeBytes = toBinary(MeshNodeSchema, nodes[1] ?? assert.fail()).length;
  await propose(manyNodes, { first: 4_400, last: 4_399 + Math.ceil(4 * 1024 * 1024 / nodeBytes) - 4_300 });
  await assert.rejects(node.client.unary(listNodes, {}), {
    reason: "exhausted",
    codeName: "RESOURCE_EXHAUSTED",
    message: /larger than 4194304 bytes/,
  });
  const last = `${4_400}`.padStart(63, "0");
  assert.equal((await node.client.unary(getNode, { id: last })).message.id, last);
});

Deno.test("v1.Mesh: read levels by metadata, on the leader and on a follower", async () => {
  await using nodes = new PaperNodes(pluginPlan(meshApi));
  await nodes.bootstrap("a");
  await nodes.join("b", "a");
  for (const [id, leads] of [["a", true], ["b", false]] as const) {
    await using client = nodes.client(id);
    for (const level of ["none", "linearizable"]) {
      const { trailers, message } = await client.unary(listNodes, {}, { metadata: { "read-consistency": level } });
      assert.equal(trailers.get("read-consistency"), level);
      assert(Number(trailers.get("applied-index")) > 0);
      assert.equal(message.nodes.length, 2);
    }
    for (const level of ["weak", "strong"]) {
      const asked = client.unary(getNode, { id: "a" }, { metadata: { "read-consistency": level } });
      if (leads) assert.equal((await asked).trailers.get("read-consistency"), level);
      else await assert.rejects(asked, { reason: "not-leader", leaderAddress: nodes.address("a") });
    }
    const metadata = { "read-consistency": "eventual" };
    await assert.rejects(client.unary(getNode, { id: "a" }, { metadata }), { reason: "invalid-argument" });
    await assert.rejects(client.unary(getNode, { id: "" }, { metadata }), { reason: "invalid-argument" });
  }
});

Deno.test("v1.Mesh: Status reports the feature while it runs, and reflection the service", async () => {
  await using node = await start();
  assert.deepEqual((await node.status()).status?.features, [Feature.NODES, Feature.MESH_API]);
  assert((await reflectedServices(node.client)).includes("v1.Mesh"));
  await node.plugins.disable("mesh_api");
  assert.deepEqual((await node.status()).status?.features, [Feature.NODES]);
  assert(!(await reflectedServices(node.client)).includes("v1.Mesh"));
  await assert.rejects(node.client.unary(listNodes, {}), { reason: "unimplemented" });
});

Deno.test("mesh_api: an option is refused", () => {
  assert.throws(() => meshApi.configure({ port: "1" }), /no such option "port"/);
});

Deno.test("mesh_api: a thousand cycles leave nothing", () => endlessCycles(meshApi));
