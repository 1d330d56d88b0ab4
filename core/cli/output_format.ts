/**
 * `-w table|json`: how commands print that know both; `--json` is short for `-w json`.
 *
 * @module
 */
import type { Command } from "commander";
import { UsageError } from "./exit.ts";

/** Options that choose the form, as the user gave them. */
export interface FormatOptions {
  readonly output?: string;
  readonly json?: boolean;
}

/** Adds `-w` beside the `--json` that all client commands have. */
export function addFormatOption(command: Command, formats = "table or json"): Command {
  return command.optionsGroup("Output:").option("-w, --output <FORMAT>", `${formats} (default: table)`);
}

/**
 * Whether JSON is wanted.
 *
 * @throws {UsageError} For another format, or two that differ.
 */
export function wantsJson({ output, json = false }: FormatOptions): boolean {
  if (output === undefined) return json;
  if (output !== "json" && output !== "table") {
    throw new UsageError(`Cannot print as "${output}": expected table or json`);
  }
  if (json && output !== "json") throw new UsageError(`Cannot use --json with --output ${output}: choose one`);
  return output === "json";
}

/** Whether a command line that may be wrong asks for JSON, so that what is wrong is said in it. */
export function asksForJson(args: readonly string[]): boolean {
  return args.some((arg, index) =>
    arg === "--json" || arg === "-wjson" || arg === "--output=json" ||
    (arg === "json" && (args[index - 1] === "-w" || args[index - 1] === "--output"))
  );
}
