/**
 * The node's own metrics: the mesh as it sees it, its plugins and their health, and all that the neighbouring files declare.
 *
 * @module
 */
import type { PluginPhase } from "../plugin/plugin_state.ts";
import type { LifeParts } from "./life_parts.ts";
import type { MetricRegistry } from "./metric_registry.ts";
import { processMetrics } from "./metrics_process.ts";
import { raftMetrics } from "./metrics_raft.ts";
import { wireguardMetrics } from "./metrics_wireguard.ts";
import type { Running } from "./running.ts";

const PHASES: readonly PluginPhase[] = ["disabled", "starting", "running", "stopping", "stopped", "failed"];

/** Declares everything but what the gRPC server counts. */
export function declareNodeMetrics(
  registry: MetricRegistry,
  running: Running,
  { links, footprint }: Pick<LifeParts, "links" | "footprint">,
): void {
  const { machine, raft, guard, plugins } = running.parts;
  processMetrics(registry);
  wireguardMetrics(registry, running);
  raftMetrics(registry, {
    status: () => running.raftStatus,
    links: () => links.stats(),
    footprint,
    snapshotsSavedCount: () => raft.snapshotsSavedCount,
    counts: () => raft.counts,
    sql: () => machine.counts,
    isQuarantined: () => guard.quarantine !== undefined,
    nameOf: (raftId) => running.nodes().find((node) => node.raftId === raftId)?.id ?? "unknown",
  });
  const own = registry.declare("weft_");
  own.collect(
    "gauge",
    { name: "mesh_nodes", help: "Nodes of the mesh as this replica knows it." },
    () => [{ labels: {}, value: running.nodes().length }],
  );
  own.collect(
    "gauge",
    {
      name: "plugin_state",
      help: "1 for what a plugin does, 0 for what else it could do.",
      labels: ["plugin", "state"],
    },
    () =>
      plugins.list().flatMap(({ name, phase }) =>
        PHASES.map((state) => ({ labels: { plugin: name, state }, value: Number(state === phase) }))
      ),
  );
  own.collect(
    "counter",
    { name: "plugin_starts_total", help: "Starts of a plugin that were tried.", labels: ["plugin"] },
    () => plugins.list().map(({ name, startCount }) => ({ labels: { plugin: name }, value: startCount })),
  );
  own.collect(
    "gauge",
    { name: "health", help: "1 for each line of health that `weft status` shows.", labels: ["code", "severity"] },
    () =>
      [...running.health(), ...plugins.list().flatMap(({ health }) => health)]
        .map(({ code, severity }) => ({ labels: { code, severity }, value: 1 })),
  );
}
