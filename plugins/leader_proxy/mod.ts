/**
 * A client may ask any node: calls that take the leader are passed on to it.
 *
 * @module
 */
import { type Host, nodeById, type Plugin } from "../../core/mod.ts";
import { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { OPTIONS, readConfig } from "./config.ts";
import { Proxy } from "./proxy.ts";

type Needs = Pick<Host, "intercept" | "leader" | "read" | "node" | "metrics" | "clock" | "random" | "time">;

/** The plugin. */
export const leaderProxy: Plugin<Needs> = {
  name: "leader_proxy",
  summary: "passes calls that take the leader on to it",
  feature: Feature.LEADER_PROXY,
  needs: ["intercept", "leader", "read", "node", "metrics", "clock", "random", "time"],
  options: OPTIONS,
  configure(raw) {
    const config = readConfig(raw);
    return ({ intercept, leader, read, node, metrics, clock, random, time }) => {
      const forwarded = metrics.counter({
        name: "calls_total",
        help: "Calls sent to the leader, by how they ended.",
        labels: ["result"],
      });
      const nodeOf = (id: string) => read((reader) => nodeById(reader, id));
      intercept(new Proxy({ ...config, nodeId: node.id, leader, nodeOf, forwarded, clock, random, time }).interceptor);
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    };
  },
};
