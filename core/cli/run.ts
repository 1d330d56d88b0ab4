/**
 * `weft run`: composes a node from flags, environment and file, and runs it until it is told to stop.
 *
 * @module
 */
import { delay } from "../io/alarm.ts";
import {
  colourStreams,
  defaultDataDir,
  environment,
  exitProcess,
  hostName,
  onStopSignal,
  readTextFile,
  writeErr,
} from "../io/process.ts";
import { createLog } from "../io/stderr_log.ts";
import { type NodeConfig, optionsFromEnvironment, parseConfig } from "../node/config.ts";
import { parseConfigText } from "../node/config_text.ts";
import { openNode } from "../node/node.ts";
import type { RawOptions } from "../node/options.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { Log } from "../seams/log.ts";
import { EXIT, UsageError } from "./exit.ts";

/** A node that has not stopped by itself this long after the signal is ended, in milliseconds. */
export const STOP_TIMEOUT_MS = 5_000;

/**
 * Runs a node.
 *
 * @param flags Options that stand on the command line.
 * @param configPath `--config`, if given; `WEFT_CONFIG` stands in for it.
 * @returns The exit code after a clean stop.
 * @throws {UsageError} For options that cannot be used.
 * @throws {MeshError} If the node cannot start, or cannot go on.
 */
export async function runNode(flags: RawOptions, configPath: string | undefined): Promise<number> {
  const config = await readConfig(flags, configPath);
  const log = createLog(logSettings(config));
  const stop = Promise.withResolvers<string>();
  using _signals = onStopSignal((signal) => stop.resolve(signal));
  const starting = new AbortController();
  stop.promise.then((signal) => starting.abort(new Error(`Stopped by ${signal}`)));
  let node: Awaited<ReturnType<typeof openNode>>;
  try {
    node = await openNode(config, log, starting.signal);
  } catch (error) {
    if (starting.signal.aborted) return EXIT.ok;
    throw error;
  }
  const end = await Promise.race([stop.promise.then(() => "signal" as const), node.ended]);
  log.info("stopping", { reason: end });
  await stopWithin(node, log);
  return end === "removed" ? EXIT.notJoined : EXIT.ok;
}

async function readConfig(flags: RawOptions, configPath: string | undefined): Promise<NodeConfig> {
  try {
    const fromEnvironment = environment();
    const path = configPath ?? fromEnvironment["WEFT_CONFIG"];
    const sources = [flags, optionsFromEnvironment(fromEnvironment)];
    if (path !== undefined && path !== "") {
      const text = await readTextFile(path);
      if (text === undefined) {
        throw new ConfigError(`Cannot read the configuration file "${path}": there is no such file`);
      }
      sources.push(parseConfigText(path, text));
    }
    return parseConfig(sources, { hostName: hostName(), dataDir: defaultDataDir(), features: [] });
  } catch (error) {
    // What the operator wrote is wrong before anything was opened: that is a usage error for the shell.
    if (error instanceof ConfigError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function logSettings({ logLevel, logFormat }: NodeConfig): Parameters<typeof createLog>[0] {
  const terminal = colourStreams().err;
  const format = logFormat === "auto" ? (terminal ? "text" : "json") : logFormat;
  return { level: logLevel, format, color: terminal && format === "text", write: writeErr };
}

async function stopWithin(node: AsyncDisposable, log: Log): Promise<void> {
  const timer = new AbortController();
  const late = delay(STOP_TIMEOUT_MS, timer.signal).then(() => {
    log.error("stop took too long, ending now", { timeoutMs: STOP_TIMEOUT_MS });
    exitProcess(EXIT.failed);
  }, () => {});
  await node[Symbol.asyncDispose]();
  timer.abort();
  await late;
}
