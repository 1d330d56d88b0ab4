/**
 * `weft device`: a plain WireGuard interface of this host, without a mesh, that `wg` and `wg-quick` configure.
 *
 * It takes the place of `wireguard-go --foreground`: the same socket, the same ends, the same exit code.
 *
 * @module
 */
import { openUapiDevice } from "../dataplane/uapi_device.ts";
import { onStopSignal } from "../io/process.ts";
import { createLog } from "../io/stderr_log.ts";
import { checkInterfaceName } from "../io/tun_linux.ts";
import { environmentName } from "../node/options.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { Log, LogLevel } from "../seams/log.ts";
import { EXIT, type ExitCode, UsageError } from "./exit.ts";
import { aborted, logSettings, reportTo, StopLimit } from "./lifetime.ts";

/** What the interface begins with, in bytes: a path of 1500 and the headers of an IPv6 underlay. */
export const DEVICE_MTU_BYTES = 1420;

/** Levels and formats that a log may have. */
const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const LOG_FORMATS = ["text", "json"] as const;

/** A device to run. */
export interface DeviceRequest {
  readonly interfaceName: string;
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json" | "auto";
}

/** Options as the user gave them. */
export interface DeviceOptions {
  readonly logLevel?: string;
  readonly logFormat?: string;
}

/**
 * What command line and environment ask for.
 *
 * @throws {UsageError} For a name that no interface can have, or a log that there is not.
 */
export function deviceRequest(
  interfaceName: string,
  options: DeviceOptions,
  environment: Readonly<Record<string, string>>,
): DeviceRequest {
  try {
    checkInterfaceName(interfaceName);
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message, error.hint, { cause: error });
    throw error;
  }
  const value = (name: string, option: string | undefined) =>
    option ?? (environment[environmentName(name)] || undefined);
  return {
    interfaceName,
    logLevel: choose("log level", value("log-level", options.logLevel), LOG_LEVELS) ?? "info",
    logFormat: choose("log format", value("log-format", options.logFormat), LOG_FORMATS) ?? "auto",
  };
}

function choose<Choice extends string>(
  what: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  const found = choices.find((choice) => choice === text);
  if (text === undefined || found !== undefined) return found;
  throw new UsageError(`Cannot use the ${what} "${text}": expected one of ${choices.join(", ")}`);
}

/**
 * Runs a device until a signal, or until its interface or its socket is removed, which are ways to stop it, too.
 *
 * @returns The exit code after a stop, or after a failure that went into a log of JSON lines.
 * @throws {ConfigError | MeshError} If the device cannot be made.
 */
export async function runDevice(request: DeviceRequest): Promise<ExitCode> {
  const settings = logSettings(request.logLevel, request.logFormat);
  const log = createLog(settings);
  return await reportTo(log, settings, () => live(request, log));
}

async function live({ interfaceName }: DeviceRequest, log: Log): Promise<ExitCode> {
  const stop = new AbortController();
  using limit = new StopLimit(log);
  using _signals = onStopSignal((signal) => {
    limit.begin();
    stop.abort(new Error(`Stopped by ${signal}`));
  });
  const device = await openUapiDevice({ interfaceName, mtu: DEVICE_MTU_BYTES }, log);
  try {
    log.info("ready", { interface: interfaceName, socket: device.socketPath });
    const reason = await Promise.race([device.ended, aborted(stop.signal).then(() => "signal" as const)]);
    log.info("stopping", { reason });
    return EXIT.ok;
  } finally {
    limit.begin();
    await device[Symbol.asyncDispose]();
    log.info("stopped");
  }
}
