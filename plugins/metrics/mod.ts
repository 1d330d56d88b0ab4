/**
 * The metrics of the node for Prometheus, and its `v1.NodeMetrics` as JSON, on a listener of their own.
 *
 * @module
 */
import { NodeMetricsSchema } from "../../proto/gen/v1/node_metrics_pb.ts";
import { toJsonString } from "@bufbuild/protobuf";
import type { Host, Plugin } from "../../core/mod.ts";
import { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { type MetricsConfig, OPTIONS, readConfig } from "./config.ts";
import { exposition, EXPOSITION_TYPE } from "./exposition.ts";
import { type HttpAnswer, HttpDoor } from "./http_door.ts";
import { isOfMesh } from "./readers.ts";

type Needs = Pick<Host, "metricFamilies" | "node" | "listen" | "time" | "log">;

const NODE_METRICS_PATH = "/v1/node-metrics";

/** See the module. */
export const metrics: Plugin<Needs> = {
  name: "metrics",
  summary: "Prometheus metrics and v1.NodeMetrics over HTTP",
  feature: Feature.METRICS,
  needs: ["metricFamilies", "node", "listen", "time", "log"],
  options: OPTIONS,
  configure(raw) {
    const config = readConfig(raw);
    return (needs) => start(needs, config);
  },
};

async function start(
  { metricFamilies, node, listen, time, log }: Needs,
  config: MetricsConfig,
): Promise<AsyncDisposable> {
  /** Who asks meanwhile gets the same: a scrape costs once, however many ask. */
  const shared = (make: () => Promise<string>) => {
    let under: Promise<string> | undefined;
    return () => under ??= make().finally(() => under = undefined);
  };
  const scrape = shared(async () => await exposition(await metricFamilies.collect()));
  const document = shared(async () =>
    toJsonString(NodeMetricsSchema, await node.metrics(), { alwaysEmitImplicit: true })
  );
  const door = new HttpDoor(time, async (path, remote): Promise<HttpAnswer> => {
    if (path === config.path) return { status: 200, type: EXPOSITION_TYPE, body: await scrape() };
    if (path !== NODE_METRICS_PATH) return { status: 404, type: "text/plain", body: "Not found\n" };
    if (config.nodeMetrics === "off" || (config.nodeMetrics === "mesh" && !isOfMesh(remote.host, node.mesh()))) {
      return { status: 403, type: "text/plain", body: "Only this host and the mesh may read this\n" };
    }
    return { status: 200, type: "application/json", body: `${await document()}\n` };
  });
  const port = await listen.tcp(
    config.listen,
    door.connectionsMax,
    (connection, signal) => door.serve(connection, signal),
  );
  log.info("metrics", { port: port.port, path: config.path });
  return port;
}
