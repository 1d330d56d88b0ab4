import assert from "node:assert/strict";
import { exposition } from "../../../plugins/metrics/exposition.ts";

Deno.test("exposition: escapes, values and histograms as Prometheus reads them", async () => {
  const text = await exposition([
    {
      name: "a_total",
      help: "First\nline.",
      type: "counter",
      labelNames: ["who"],
      series: [{ labelValues: ['q"\\\n'], value: 3 }, { labelValues: ["r"], value: 0.5 }],
    },
    {
      name: "b_seconds",
      help: "Durations.",
      type: "histogram",
      labelNames: ["m"],
      buckets: [0.5, 1],
      series: [{ labelValues: ["x"], value: 4, cumulativeCounts: [1, 2, 3] }],
    },
    { name: "c", help: "Nothing yet.", type: "gauge", labelNames: ["x"], series: [] },
  ]);
  const lines = text.split("\n");
  assert(lines.includes("# HELP a_total First\\nline."));
  assert(lines.includes('a_total{who="q\\"\\\\\\n"} 3'));
  assert(lines.includes('a_total{who="r"} 0.5'));
  assert(lines.includes("# TYPE b_seconds histogram"));
  assert.deepEqual(lines.filter((line) => line.startsWith("b_seconds")).map((line) => line.split(" ")[1]), [
    "1",
    "2",
    "3",
    "4",
    "3",
  ]);
  assert.match(text, /b_seconds_bucket\{[^}]*le="\+Inf"[^}]*\} 3/);
  assert(lines.includes("# TYPE c gauge"));
  assert(text.endsWith("\n"));
});
