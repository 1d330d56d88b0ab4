/**
 * Plugins that are started and stopped again and again: nothing of them stays. Timers and pending operations are counted by
 * the sanitizers of the test runner.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Plugin } from "../../core/plugin/plugin.ts";
import { PluginNode } from "../core/node/plugin_node.ts";
import { pluginPlan } from "./plugin_plan.ts";

const CYCLES = 1_000;
const WARM_UP_CYCLES = 50;
/** Other tests of this process may open so many meanwhile; what a cycle leaves adds up to ten times as many. */
const OTHERS_MAX = CYCLES / 10;

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** A thousand cycles of `plugin` on one node leave no handle, timer or socket. */
export async function endlessCycles(plugin: Plugin): Promise<void> {
  await using node = await PluginNode.start(pluginPlan(plugin));
  await endlessCyclesOn(node, plugin.name);
}

/** The same of a plugin that runs on `node`. */
export async function endlessCyclesOn(node: PluginNode, name: string): Promise<void> {
  const cycle = async () => {
    await node.plugins.disable(name);
    await node.plugins.enable(name);
  };
  for (let i = 0; i < WARM_UP_CYCLES; i++) await cycle();
  const before = openDescriptors();
  for (let i = 0; i < CYCLES; i++) await cycle();
  const left = openDescriptors() - before;
  assert(left < OTHERS_MAX, `${left} descriptors are left`);
  assert.equal(node.plugins.list().find((plugin) => plugin.name === name)?.phase, "running");
}
