import assert from "node:assert/strict";
import { MetricRegistry } from "../../../core/node/metric_registry.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { FAMILIES_PER_PLUGIN_MAX, LABEL_CHARACTERS_MAX, SERIES_MAX } from "../../../core/plugin/metrics.ts";

Deno.test("MetricRegistry: counters, gauges and histograms, under the prefix of who declares them", async () => {
  const registry = new MetricRegistry();
  const own = registry.declare("dns_");
  const queries = own.counter({ name: "queries_total", help: "Queries.", labels: ["type"] });
  own.gauge({ name: "names", help: "Names." }).set({}, 7);
  const seconds = own.histogram({ name: "seconds", help: "Time." }, [0.1, 1]);
  queries.add({ type: "A" });
  queries.add({ type: "A" }, 2);
  assert.throws(() => queries.add({ type: "A" }, -1), RangeError);
  for (const value of [0.1, 0.5]) seconds.observe({}, value);
  seconds.of({}).observe(5);
  own.collect("gauge", { name: "late", help: "Asked for." }, () => Promise.resolve([{ labels: {}, value: 1 }]));
  const families = await registry.collect();
  assert.deepEqual(families.map(({ name, type }) => `${name} ${type}`), [
    "dns_queries_total counter",
    "dns_names gauge",
    "dns_seconds histogram",
    "dns_late gauge",
  ]);
  assert.deepEqual(families[0]?.series, [{ labelValues: ["A"], value: 3 }]);
  assert.deepEqual(families[2]?.series, [{ labelValues: [], value: 5.6, cumulativeCounts: [1, 2, 3] }]);
  own[Symbol.dispose]();
  assert.equal(registry.size, 0);
});

Deno.test("MetricRegistry: labels that are known beforehand name the same series, which is there once it grows", async () => {
  const registry = new MetricRegistry();
  const counter = registry.declare("x_").counter({ name: "calls_total", help: "Calls.", labels: ["who"] });
  const of = counter.of({ who: "a" });
  assert.deepEqual((await registry.collect())[0]?.series, []);
  of.add();
  of.add(2);
  counter.add({ who: "a" }, 4);
  assert.throws(() => of.add(-1), RangeError);
  assert.deepEqual((await registry.collect())[0]?.series, [{ labelValues: ["a"], value: 7 }]);
});

Deno.test("MetricRegistry: a family with one series too many puts the rest together", async () => {
  const registry = new MetricRegistry();
  const many = registry.declare("x_").counter({ name: "many_total", help: "Many.", labels: ["who"] });
  for (let i = 0; i < SERIES_MAX + 5; i++) many.add({ who: `${i}` });
  many.add({ who: "0" });
  const [family] = await registry.collect();
  assert.equal(family?.series.length, SERIES_MAX);
  assert.deepEqual(family?.series.find(({ labelValues }) => labelValues[0] === "other")?.value, 6);
  assert.equal(family?.series[0]?.value, 2);
});

Deno.test("MetricRegistry: names, help, buckets and their number are checked; a label's value is cut", async () => {
  const registry = new MetricRegistry();
  const own = registry.declare("x_");
  own.gauge({ name: "one", help: "One.", labels: ["l"] }).set({ l: "v".repeat(LABEL_CHARACTERS_MAX + 1) }, 1);
  assert.equal((await registry.collect())[0]?.series[0]?.labelValues[0]?.length, LABEL_CHARACTERS_MAX);
  assert.throws(() => registry.declare("x_").gauge({ name: "one", help: "One." }), /"x_one" is declared twice/);
  assert.throws(() => own.gauge({ name: "two-three", help: "Two." }), ConfigError);
  assert.throws(() => own.gauge({ name: "two", help: "" }), /no help/);
  assert.throws(() => own.gauge({ name: "two", help: "Two.", labels: ["a", "a"] }), /a label twice/);
  assert.throws(() => own.histogram({ name: "two", help: "Two." }, [1, 1]), /do not rise/);
  for (let i = 1; i < FAMILIES_PER_PLUGIN_MAX; i++) own.gauge({ name: `g${i}`, help: "G." });
  assert.throws(() => own.gauge({ name: "more", help: "More." }), /more than 200 metrics/);
});

Deno.test("MetricRegistry: a collector that fails is left out, the others are there", async () => {
  const registry = new MetricRegistry();
  const own = registry.declare("x_");
  own.collect("gauge", { name: "bad", help: "Bad." }, () => {
    throw new Error("no");
  });
  own.gauge({ name: "good", help: "Good." });
  assert.deepEqual((await registry.collect()).map(({ name }) => name), ["x_good"]);
});
