/**
 * Metric collectors of a plugin: measured, limited in time, and struck when they fail.
 *
 * @module
 */
import { delay } from "../io/alarm.ts";
import type { CollectGuard } from "./metric_registry.ts";
import { textOf } from "./plugin_failure.ts";
import type { PluginMeter } from "./plugin_meter.ts";

/** A collector that has not settled after this time is left out, in milliseconds. */
export const COLLECT_BUDGET_MS = 1_000;

/** The guard of one start of a plugin. */
export function guardedCollector(meter: PluginMeter, budgetMs: number = COLLECT_BUDGET_MS): CollectGuard {
  return async (collect) => {
    const over = new AbortController();
    const late = delay(budgetMs, over.signal).then(() => {
      throw new Error(`did not settle within ${budgetMs / 1000} s`);
    });
    late.catch(() => {});
    try {
      return await Promise.race([meter.run("metrics", collect), late]);
    } catch (error) {
      meter.strike("metrics", `collector failed: ${textOf(error)}`);
      return undefined;
    } finally {
      over.abort();
    }
  };
}
