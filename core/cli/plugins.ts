/**
 * `weft plugins`: what the plugins of a node do.
 *
 * @module
 */
import type { Output } from "./output.ts";
import { pluginsJson, pluginsLines } from "./plugins_view.ts";
import { askStatus } from "./status.ts";
import type { TargetHost, TargetOptions } from "./target.ts";

/**
 * Prints the plugins of `nodeId`, or of the node that is asked when it is empty.
 *
 * @param wallMs Now, for ages.
 */
export async function runPlugins(
  nodeId: string,
  options: TargetOptions,
  host: TargetHost,
  output: Output,
  wallMs: number,
): Promise<void> {
  const { plugins } = await askStatus(nodeId, options, host);
  if (options.json) output.json({ plugins: pluginsJson(plugins) });
  else output.lines(pluginsLines(plugins, wallMs, output.layout));
}
