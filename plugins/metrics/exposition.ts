/**
 * Families as Prometheus reads them (text format 0.0.4), by prom-client's own writer.
 *
 * @module
 */
import { AggregatorRegistry, Registry } from "prom-client";
import type { MetricFamily, Series } from "../../core/mod.ts";

/** The content type. */
export const EXPOSITION_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** The text of all families. */
export async function exposition(families: readonly MetricFamily[]): Promise<string> {
  // The library's way from values that were counted elsewhere to a registry; every series is there once, so it adds nothing.
  const registry = AggregatorRegistry.aggregate([
    families.map((family) => ({
      name: family.name,
      help: family.help,
      type: family.type,
      aggregator: "first",
      values: family.series.flatMap((series) => valuesOf(family, series)),
    })),
  ]);
  const text = await registry.metrics();
  return text.replace(/\n*$/, "\n");
}

interface Value {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function valuesOf({ name, labelNames, buckets }: MetricFamily, series: Series): Value[] {
  const labels = Object.fromEntries(labelNames.map((label, i) => [label, series.labelValues[i] ?? ""]));
  if (!series.cumulativeCounts) return [{ labels, value: series.value }];
  const counts = series.cumulativeCounts;
  const bounds = [...(buckets ?? []).map(String), "+Inf"];
  return [
    ...bounds.map((le, i) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: counts[i] ?? 0 })),
    { metricName: `${name}_sum`, labels, value: series.value },
    { metricName: `${name}_count`, labels, value: counts.at(-1) ?? 0 },
  ];
}
