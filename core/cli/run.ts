/**
 * `weft run`: composes a node from flags, environment and file, and runs it until it is told to stop.
 *
 * @module
 */
import { defaultDataDir, environment, hostName, onStopSignal, readTextFile } from "../io/process.ts";
import { loadPluginModule } from "../io/plugin_module.ts";
import { createLog } from "../io/stderr_log.ts";
import type { NodeConfig } from "../node/config.ts";
import { type OpenNode, openNode } from "../node/node.ts";
import type { PluginPlan } from "../node/plugin_plan.ts";
import { builtIn, featuresOf, planPlugins } from "../node/plugin_setup.ts";
import { openHostTunnel } from "../node/tunnel.ts";
import type { Log } from "../seams/log.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { Plugin } from "../plugin/plugin.ts";
import { errorText, EXIT, type ExitCode, UsageError } from "./exit.ts";
import { aborted, logSettings, reportTo, StopLimit } from "./lifetime.ts";
import { type ConfigRequest, misspeltVariables, readNodeConfig } from "./run_config.ts";

/** A node to run. */
export interface RunRequest extends ConfigRequest {
  /** The plugins that ship with the program; none if left out. */
  readonly plugins?: readonly Plugin[];
  /** Called once the node belongs to a mesh. What it throws is logged and changes nothing. */
  readonly onReady?: (config: NodeConfig) => Promise<void>;
}

/**
 * Runs a node.
 *
 * @returns The exit code after a stop, or after a failure that went into a log of JSON lines.
 * @throws {UsageError} For options that cannot be used.
 * @throws {ConfigError | MeshError} If the node cannot start, or cannot go on.
 */
export async function runNode(request: RunRequest): Promise<ExitCode> {
  const variables = environment();
  const { plugins = [] } = request;
  const { node: config, load, choice } = await readNodeConfig(request, {
    environment: variables,
    defaults: { hostName: hostName(), dataDir: defaultDataDir(), features: featuresOf(plugins) },
    readFile: readTextFile,
  });
  const loaded = await Promise.all(load.map((source) => loadPluginModule(source)));
  const plan = asUsage(() => planPlugins([...builtIn(plugins), ...loaded], choice));
  const settings = logSettings(config.logLevel, config.logFormat);
  const log = createLog(settings);
  for (const { variable, likely } of misspeltVariables(variables, plugins)) {
    log.warn("environment variable means nothing", { variable, didYouMean: likely });
  }
  return await reportTo(log, settings, () => live(config, plan, request, log));
}

/** What cannot be understood, found before anything was opened. */
function asUsage<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message, error.hint, { cause: error });
    throw error;
  }
}

async function live(config: NodeConfig, plan: PluginPlan, { onReady }: RunRequest, log: Log): Promise<ExitCode> {
  const stop = new AbortController();
  using limit = new StopLimit(log);
  using _signals = onStopSignal((signal) => {
    limit.begin();
    stop.abort(new Error(`Stopped by ${signal}`));
  });
  let node: OpenNode;
  try {
    node = await openNode(config, log, stop.signal, openHostTunnel, plan);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    log.info("stopped", { reason: "signal" });
    return EXIT.ok;
  }
  try {
    onReady?.(config).catch((error) => log.warn("cannot say how to join", { error: errorText(error).message }));
    const end = await Promise.race([node.ended, aborted(stop.signal).then(() => "signal" as const)]);
    log.info("stopping", { reason: end });
    return end === "removed" ? EXIT.notJoined : EXIT.ok;
  } finally {
    limit.begin();
    await node[Symbol.asyncDispose]();
    log.info("stopped");
  }
}
