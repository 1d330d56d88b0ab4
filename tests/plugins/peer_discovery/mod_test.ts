/** Peer discovery on a whole node. */
import assert from "node:assert/strict";
import { connect } from "../../../core/rpc/client.ts";
import { Feature } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { Node } from "../../../proto/gen/v1/node_pb.ts";
import { PeerDiscovery } from "../../../proto/gen/v1/peer_discovery_pb.ts";
import { peerDiscovery } from "../../../plugins/peer_discovery/mod.ts";
import { PluginNode } from "../../core/node/plugin_node.ts";
import { endlessCycles } from "../plugin_cycles.ts";
import { pluginPlan } from "../plugin_plan.ts";

const { listPeers } = PeerDiscovery.method;

Deno.test("peer_discovery: lists the node itself, obeys read levels, and is gone when it is disabled", async () => {
  await using node = await PluginNode.start(pluginPlan(peerDiscovery));
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

Deno.test("peer_discovery: a thousand cycles leave no handle, timer or socket", () => endlessCycles(peerDiscovery));
