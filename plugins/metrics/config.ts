/**
 * What the metrics plugin can be told.
 *
 * @module
 */
import { type ListenAddress, OptionReader, type PluginOption } from "../../core/mod.ts";

/** The table of options. */
export const OPTIONS: readonly PluginOption[] = [
  { name: "listen", kind: "text", placeholder: "HOST:PORT", help: "where it listens", defaultText: ":8080" },
  { name: "path", kind: "text", placeholder: "PATH", help: "path of the metrics", defaultText: "/metrics" },
  {
    name: "node-metrics",
    kind: "text",
    placeholder: "WHO",
    help: "who may read /v1/node-metrics, which has keys and addresses: mesh (with this host), all, off",
    defaultText: "mesh",
  },
];

/** A complete configuration. */
export interface MetricsConfig {
  readonly listen: ListenAddress;
  readonly path: string;
  readonly nodeMetrics: "mesh" | "all" | "off";
}

/** @throws {ConfigError} Naming what cannot be used. */
export function readConfig(raw: unknown): MetricsConfig {
  const reader = new OptionReader(raw, OPTIONS);
  const path = reader.required("path");
  if (!/^\/[A-Za-z0-9._~/-]*$/.test(path) || path.length > 200 || path.startsWith("/v1/")) {
    reader.refuse("path", path, "expected a path such as /metrics, and not below /v1/");
  }
  return {
    listen: reader.hostPort("listen"),
    path,
    nodeMetrics: reader.choice("node-metrics", ["mesh", "all", "off"]),
  };
}
