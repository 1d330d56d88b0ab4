/**
 * `weft run`: composes a node from flags, environment and file, and runs it until it is told to stop.
 *
 * @module
 */
import { defaultDataDir, environment, hostName, onStopSignal, readTextFile } from "../io/process.ts";
import { createLog } from "../io/stderr_log.ts";
import type { NodeConfig } from "../node/config.ts";
import { type OpenNode, openNode } from "../node/node.ts";
import type { Log } from "../seams/log.ts";
import { errorText, EXIT, type ExitCode } from "./exit.ts";
import { aborted, logSettings, reportTo, StopLimit } from "./lifetime.ts";
import { type ConfigRequest, misspeltVariables, readNodeConfig } from "./run_config.ts";

/** A node to run. */
export interface RunRequest extends ConfigRequest {
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
  const config = await readNodeConfig(request, {
    environment: variables,
    defaults: { hostName: hostName(), dataDir: defaultDataDir(), features: [] },
    readFile: readTextFile,
  });
  const settings = logSettings(config.logLevel, config.logFormat);
  const log = createLog(settings);
  for (const { variable, likely } of misspeltVariables(variables)) {
    log.warn("environment variable means nothing", { variable, didYouMean: likely });
  }
  return await reportTo(log, settings, () => live(config, request, log));
}

async function live(config: NodeConfig, { onReady }: RunRequest, log: Log): Promise<ExitCode> {
  const stop = new AbortController();
  using limit = new StopLimit(log);
  using _signals = onStopSignal((signal) => {
    limit.begin();
    stop.abort(new Error(`Stopped by ${signal}`));
  });
  let node: OpenNode;
  try {
    node = await openNode(config, log, stop.signal);
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
