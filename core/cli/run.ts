/**
 * `weft run`: composes a node from flags, environment and file, and runs it until it is told to stop.
 *
 * @module
 */
import { delay } from "../io/alarm.ts";
import {
  defaultDataDir,
  environment,
  exitProcess,
  hostName,
  onStopSignal,
  outputTraits,
  readTextFile,
  writeErr,
} from "../io/process.ts";
import { createLog, type LogOptions } from "../io/stderr_log.ts";
import type { NodeConfig } from "../node/config.ts";
import { type OpenNode, openNode } from "../node/node.ts";
import type { Log } from "../seams/log.ts";
import { errorText, EXIT, type ExitCode, exitCodeFor } from "./exit.ts";
import { type ConfigRequest, misspeltVariables, readNodeConfig } from "./run_config.ts";

/**
 * A node that has not stopped by itself this long after the signal is ended, in milliseconds: less than the 5 s that
 * service managers and users are promised.
 */
export const STOP_TIMEOUT_MS = 4_500;

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
  const settings = logSettings(config);
  const log = createLog(settings);
  for (const { variable, likely } of misspeltVariables(variables)) {
    log.warn("environment variable means nothing", { variable, didYouMean: likely });
  }
  try {
    return await live(config, request, log);
  } catch (error) {
    if (settings.format === "text") throw error;
    // Who reads lines of JSON gets nothing else on the same stream.
    const { message, hint } = errorText(error);
    const code = exitCodeFor(error);
    log.error(message, { hint, code });
    return code;
  }
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

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Ends the process {@linkcode STOP_TIMEOUT_MS} after the stop began, unless it is disposed before. */
class StopLimit implements Disposable {
  readonly #log: Log;
  readonly #over = new AbortController();
  #hasBegun = false;

  constructor(log: Log) {
    this.#log = log;
  }

  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    delay(STOP_TIMEOUT_MS, this.#over.signal).then(() => {
      this.#log.error("stop took too long, ending now", { timeoutMs: STOP_TIMEOUT_MS });
      exitProcess(EXIT.failed);
    }, () => {});
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }
}

function logSettings({ logLevel, logFormat }: NodeConfig): LogOptions {
  const { isTerminal, hasColours } = outputTraits().err;
  const format = logFormat === "auto" ? (isTerminal ? "text" : "json") : logFormat;
  return { level: logLevel, format, color: hasColours && format === "text", write: writeErr };
}
