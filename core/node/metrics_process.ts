/**
 * What the process uses, under the names of Prometheus' clients, and what is of its runtime.
 *
 * @module
 */
import { buildInfo } from "../io/build_info.ts";
import { runtimeInfo } from "../io/process.ts";
import { type ProcessUsage, readProcessUsage } from "../io/process_usage.ts";
import type { MetricRegistry } from "./metric_registry.ts";
import { singleFlight } from "./single_flight.ts";

type Family = readonly [
  type: "counter" | "gauge",
  name: string,
  help: string,
  valueOf: (usage: ProcessUsage) => number | undefined,
];

const FAMILIES: readonly Family[] = [
  ["counter", "process_cpu_seconds_total", "Processor time of all threads.", ({ cpuMs }) => cpuMs / 1000],
  [
    "gauge",
    "process_start_time_seconds",
    "When the process began, since 1970.",
    ({ startedWallMs }) => startedWallMs / 1000,
  ],
  ["gauge", "process_resident_memory_bytes", "Memory in use.", ({ residentBytes }) => residentBytes],
  ["gauge", "process_virtual_memory_bytes", "Address space in use.", ({ virtualBytes }) => virtualBytes],
  ["gauge", "process_open_fds", "Open file descriptors.", ({ descriptorCount }) => descriptorCount],
  ["gauge", "process_max_fds", "File descriptors that may be open.", ({ descriptorCountMax }) => descriptorCountMax],
  ["gauge", "process_threads", "Threads.", ({ threadCount }) => threadCount],
  ["gauge", "weft_runtime_heap_used_bytes", "Heap of the control thread in use.", ({ heapUsedBytes }) => heapUsedBytes],
  ["gauge", "weft_runtime_heap_bytes", "Heap of the control thread.", ({ heapTotalBytes }) => heapTotalBytes],
  [
    "gauge",
    "weft_runtime_external_bytes",
    "Memory that the control thread holds outside of its heap.",
    (usage) => usage.externalBytes,
  ],
  [
    "gauge",
    "weft_runtime_lag_seconds",
    "How late the control thread came to work that was due.",
    ({ lagMs }) => lagMs / 1000,
  ],
];

/** Declares the families. */
export function processMetrics(registry: MetricRegistry): void {
  const own = registry.declare("");
  const usage = singleFlight(readProcessUsage);
  for (const [type, name, help, valueOf] of FAMILIES) {
    own.collect(type, { name, help }, async () => {
      const value = valueOf(await usage());
      return value === undefined ? [] : [{ labels: {}, value }];
    });
  }
  const { version, commit } = buildInfo();
  const labels = { version, commit, runtime: runtimeInfo().denoVersion };
  own.gauge({
    name: "weft_build_info",
    help: "Which Weft this is; always 1.",
    labels: ["version", "commit", "runtime"],
  })
    .set(labels, 1);
}
