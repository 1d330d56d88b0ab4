/**
 * What programs that run until they are told to stop have in common: their log, their end, and the limit on that.
 *
 * @module
 */
import { delay } from "../io/alarm.ts";
import { exitProcess, outputTraits, writeErr } from "../io/process.ts";
import type { LogOptions } from "../io/stderr_log.ts";
import type { Log, LogLevel } from "../seams/log.ts";
import { errorText, EXIT, type ExitCode, exitCodeFor } from "./exit.ts";

/**
 * A program that has not stopped by itself this long after the signal is ended, in milliseconds: less than the 5 s that
 * service managers and users are promised.
 */
export const STOP_TIMEOUT_MS = 4_500;

/** Resolves when `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Ends the process {@linkcode STOP_TIMEOUT_MS} after the stop began, unless it is disposed before. */
export class StopLimit implements Disposable {
  readonly #log: Log;
  readonly #over = new AbortController();
  #hasBegun = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** The stop begins, or has begun before. */
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

/** A log on standard error. `auto` is text on a terminal and JSON elsewhere. */
export function logSettings(level: LogLevel, logFormat: "text" | "json" | "auto"): LogOptions {
  const { isTerminal, hasColours } = outputTraits().err;
  const format = logFormat === "auto" ? (isTerminal ? "text" : "json") : logFormat;
  return { level, format, color: hasColours && format === "text", write: writeErr };
}

/**
 * Runs `live`. Who reads lines of JSON gets nothing else on the same stream: what it throws is then logged and becomes the
 * exit code; otherwise it is thrown on.
 */
export async function reportTo(
  log: Log,
  { format }: Pick<LogOptions, "format">,
  live: () => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await live();
  } catch (error) {
    if (format === "text") throw error;
    const { message, hint } = errorText(error);
    const code = exitCodeFor(error);
    log.error(message, { hint, code });
    return code;
  }
}
