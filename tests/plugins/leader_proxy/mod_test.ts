/** The leader proxy on a whole node. */
import assert from "node:assert/strict";
import { Feature } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { Node } from "../../../proto/gen/v1/node_pb.ts";
import { leaderProxy } from "../../../plugins/leader_proxy/mod.ts";
import { PluginNode } from "../../core/node/plugin_node.ts";
import { endlessCycles } from "../plugin_cycles.ts";
import { pluginPlan } from "../plugin_plan.ts";

Deno.test("leader_proxy: a node that leads answers itself, and says that it has the feature", async () => {
  await using node = await PluginNode.start(pluginPlan(leaderProxy));
  const { message } = await node.client.unary(Node.method.getStatus, {});
  assert.deepEqual(message.features, [Feature.NODES, Feature.LEADER_PROXY]);
  await node.client.unary(Node.method.leave, { id: "nobody" });
  const families = await node.plugins.metrics.collect();
  assert(families.some(({ name }) => name === "leader_proxy_calls_total"));
});

Deno.test("leader_proxy: a thousand cycles leave no handle, timer or socket", () => endlessCycles(leaderProxy));
