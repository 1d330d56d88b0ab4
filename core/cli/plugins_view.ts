/**
 * How plugins look, as text and as JSON. Everything in it may come from another node, and is not trusted.
 *
 * @module
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { HealthLine, PluginStatus } from "../../proto/gen/weft/v1/control_pb.ts";
import { formatAge, type Layout, printable, renderTable } from "./format.ts";

/** The JSON form of plugins. */
export function pluginsJson(plugins: readonly PluginStatus[]): Record<string, unknown>[] {
  return plugins.map(({ name, summary, source, phase, reason, since, startCount, needs, health }) => ({
    name,
    phase,
    reason,
    since: since ? new Date(timestampMs(since)).toISOString() : null,
    startCount,
    summary,
    source,
    needs,
    health: healthJson(health),
  }));
}

/** The JSON form of health. */
export function healthJson(health: readonly HealthLine[]): Record<string, unknown>[] {
  return health.map(({ code, severity, text, fix }) => ({ code, severity, text, fix }));
}

/**
 * The text form of `weft plugins`.
 *
 * @param wallMs Now, for ages.
 */
export function pluginsLines(plugins: readonly PluginStatus[], wallMs: number, layout: Layout): string[] {
  if (plugins.length === 0) return [layout.style.dim("no plugins: this program was built without any")];
  const rows = plugins.map(({ name, phase, since, source, summary }) => [
    printable(name),
    printable(phase),
    since ? formatAge(wallMs - timestampMs(since)) : "-",
    printable(source),
    printable(summary),
  ]);
  const health = healthLines(plugins.flatMap((plugin) => plugin.health), layout);
  return [
    ...renderTable(["PLUGIN", "STATE", "SINCE", "FROM", "WHAT IT IS"], rows, layout),
    ...(health.length === 0 ? [] : ["", ...health]),
  ];
}

/** What is wrong: a line each, and what to do below it. */
export function healthLines(health: readonly HealthLine[], { style }: Layout): string[] {
  return health.flatMap(({ code, severity, text, fix }) => [
    `${severity === "low" ? "!" : style.red("!")} ${printable(code)}: ${printable(text)}`,
    ...(fix === "" ? [] : [`  ${printable(fix)}`]),
  ]);
}
