/** Peer discovery on a whole node. */
import assert from "node:assert/strict";
import { builtIn, planPlugins } from "../../../core/node/plugin_setup.ts";
import { connect } from "../../../core/rpc/client.ts";
import { Feature } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { Node } from "../../../proto/gen/v1/node_pb.ts";
import { PeerDiscovery } from "../../../proto/gen/v1/peer_discovery_pb.ts";
import { leaderProxy } from "../../../plugins/leader_proxy/mod.ts";
import { peerDiscovery } from "../../../plugins/peer_discovery/mod.ts";
import { PluginNode } from "../../core/node/plugin_node.ts";

const CYCLES = 1_000;
const WARM_UP_CYCLES = 50;
const { listPeers } = PeerDiscovery.method;

function plan(features: readonly string[]): ReturnType<typeof planPlugins> {
  return planPlugins(builtIn([leaderProxy, peerDiscovery]), { features, disabled: [], sections: [], environment: {} });
}

Deno.test("peer_discovery: lists the node itself, obeys read levels, and is gone when it is disabled", async () => {
  await using node = await PluginNode.start(plan(["peer-discovery"]));
  const { message, trailers } = await node.client.unary(listPeers, {}, { metadata: { "read-consistency": "weak" } });
  const [peer] = message.peers;
  assert.match(peer?.address ?? "", /^127\.0\.0\.1:\d+$/);
  assert.deepEqual([peer?.id, peer?.voter, peer?.leader], ["a", true, true]);
  assert.equal(trailers.get("read-consistency"), "weak");
  await using stranger = connect({ address: peer?.address ?? "" }, { kind: "insecure" });
  assert.equal((await stranger.unary(listPeers, {})).message.peers.length, 1);
  const wrong = { metadata: { "read-consistency": "?" } };
  await assert.rejects(stranger.unary(listPeers, {}, wrong), { codeName: "INVALID_ARGUMENT" });
  const features = async () => (await stranger.unary(Node.method.getStatus, {})).message.features;
  assert.deepEqual(await features(), [Feature.NODES, Feature.PEER_DISCOVERY]);
  await node.plugins.disable("peer_discovery");
  await assert.rejects(stranger.unary(listPeers, {}), { codeName: "UNIMPLEMENTED" });
  assert.deepEqual(await features(), [Feature.NODES]);
});

Deno.test("leader_proxy, peer_discovery: a thousand cycles leave no handle, timer or socket", async () => {
  await using node = await PluginNode.start(plan(["leader-proxy", "peer-discovery"]));
  const cycle = async () => {
    for (const name of ["leader_proxy", "peer_discovery"]) {
      await node.plugins.disable(name);
      await node.plugins.enable(name);
    }
  };
  for (let i = 0; i < WARM_UP_CYCLES; i++) await cycle();
  const families = node.plugins.metrics.size;
  const before = openDescriptors();
  for (let i = 0; i < CYCLES; i++) await cycle();
  assert.equal(openDescriptors(), before);
  assert.equal(node.plugins.metrics.size, families);
  assert.deepEqual(node.plugins.list().map(({ startCount }) => startCount), Array(2).fill(1 + WARM_UP_CYCLES + CYCLES));
  assert.equal(
    (await node.client.unary(listPeers, {}, { metadata: { "prefer-leader": "true" } })).message.peers.length,
    1,
  );
});

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
