/** Plugins on whole nodes in one process: everything real but the tunnel. */
import assert from "node:assert/strict";
import type { Host } from "../../../core/plugin/host.ts";
import { listNodes } from "../../../core/state/queries/list_nodes.ts";
import { Feature } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { Echo, echoService } from "../rpc/echo_service.ts";
import { planned, PluginNode } from "./plugin_node.ts";

Deno.test("PluginHost: plugins start in order, serve, and stop in reverse", async () => {
  const events: string[] = [];
  const named = (name: string, feature?: Feature) =>
    planned({
      name,
      ...(feature === undefined ? {} : { feature }),
      needs: ["log"],
      start: () => {
        events.push(`start ${name}`);
        return Promise.resolve({
          [Symbol.asyncDispose]() {
            events.push(`stop ${name}`);
            return Promise.resolve();
          },
        });
      },
    });
  {
    await using node = await PluginNode.start([named("one", Feature.MESH_DNS), named("two", Feature.METRICS)]);
    assert.deepEqual(events, ["start one", "start two"]);
    assert.deepEqual((await node.status()).status?.features, [
      Feature.NODES,
      Feature.METRICS,
      Feature.MESH_DNS,
    ]);
  }
  assert.deepEqual(events, ["start one", "start two", "stop two", "stop one"]);
});

Deno.test("PluginHost: a plugin serves gRPC, reads, follows the log, and intercepts", async () => {
  const seen: string[] = [];
  const indexes: number[] = [];
  await using node = await PluginNode.start([planned({
    name: "echo",
    needs: ["rpc", "read", "appliedIndex", "intercept", "tasks"],
    start: ({ rpc, read, appliedIndex, intercept, tasks }: Host) => {
      rpc.serve({
        service: Echo,
        methods: {
          ...echoService.methods,
          one: {
            authorisation: "public",
            handle: async (_request, context) => ({ id: (await read(listNodes, context)).map(({ id }) => id).join() }),
          },
        },
      });
      intercept(async function* (call, next) {
        seen.push(call.context.methodPath);
        yield* next(call);
      });
      tasks.run("follow", async () => {
        for await (const index of appliedIndex) indexes.push(index);
      });
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  })]);
  const answer = await node.client.unary(Echo.method.one, { id: "" });
  assert.equal(answer.message.id, "a");
  assert.equal(answer.trailers.get("read-consistency"), "none");
  assert.deepEqual(seen, ["/test.Echo/One"]);
  assert(indexes.length > 0);
  await node.plugins.disable("echo");
  await assert.rejects(node.client.unary(Echo.method.one, { id: "" }), { reason: "unimplemented" });
  await node.plugins.enable("echo");
  assert.equal((await node.client.unary(Echo.method.one, { id: "" })).message.id, "a");
});
