/**
 * Plugins that ship with Weft as a node gets them, wanted and configured.
 *
 * @module
 */
import type { PluginPlan } from "../../core/node/plugin_plan.ts";
import { builtIn, featuresOf, planPlugins } from "../../core/node/plugin_setup.ts";
import type { Plugin } from "../../core/plugin/plugin.ts";

/** A plan that starts `plugins`, in this order, with what they do without options. */
export function pluginPlan(...plugins: readonly Plugin[]): PluginPlan {
  const features = ["nodes", ...featuresOf(plugins)];
  return planPlugins(builtIn(plugins), { features, disabled: [], sections: [], environment: {} });
}
