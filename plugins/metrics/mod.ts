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
import { isOfMesh } from "./readers.ts";

type Needs = Pick<Host, "metricFamilies" | "node" | "http" | "log">;

const NODE_METRICS_PATH = "/v1/node-metrics";

/** See the module. */
export const metrics: Plugin<Needs> = {
  name: "metrics",
  summary: "Prometheus metrics and v1.NodeMetrics over HTTP",
  feature: Feature.METRICS,
  needs: ["metricFamilies", "node", "http", "log"],
  options: OPTIONS,
  configure(raw) {
    const config = readConfig(raw);
    return (needs) => start(needs, config);
  },
};

async function start({ metricFamilies, node, http, log }: Needs, config: MetricsConfig): Promise<AsyncDisposable> {
  /** Who asks meanwhile gets the same: a scrape costs once, however many ask. */
  const shared = (make: () => Promise<string>) => {
    let under: Promise<string> | undefined;
    return () => under ??= make().finally(() => under = undefined);
  };
  const scrape = shared(async () => await exposition(await metricFamilies.collect()));
  const document = shared(async () =>
    toJsonString(NodeMetricsSchema, await node.metrics(), { alwaysEmitImplicit: true })
  );
  const port = await http.serve(config.listen, async ({ method, url }, from) => {
    const { pathname } = new URL(url);
    if (method !== "GET" && method !== "HEAD") {
      return answer(405, "text/plain", "Only GET and HEAD\n", { allow: "GET, HEAD" });
    }
    if (pathname === config.path) return answer(200, EXPOSITION_TYPE, await scrape());
    if (pathname !== NODE_METRICS_PATH) return answer(404, "text/plain", "Not found\n");
    if (config.nodeMetrics === "off" || (config.nodeMetrics === "mesh" && !isOfMesh(from.host, node.mesh()))) {
      return answer(403, "text/plain", "Only this host and the mesh may read this\n");
    }
    return answer(200, "application/json", `${await document()}\n`);
  });
  log.info("metrics", { port: port.port, path: config.path });
  return port;
}

function answer(status: number, type: string, body: string, more: Readonly<Record<string, string>> = {}): Response {
  const headers = { "content-type": type, "cache-control": "no-store", "x-content-type-options": "nosniff", ...more };
  return new Response(body, { status, headers });
}
