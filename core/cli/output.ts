/**
 * What a command prints: data on standard output, talk on standard error.
 *
 * @module
 */
import { colourStreams, writeErr, writeOut } from "../io/process.ts";
import { errorText, exitCodeFor } from "./exit.ts";
import { printable, type Style, styleFor } from "./format.ts";

/** Version of all `--json` output; raised only for changes that are not additions. */
export const JSON_SCHEMA_VERSION = 1;

/** Where a command writes. Tests give one that records. */
export interface Output {
  /** Colours for standard output. */
  readonly style: Style;
  /** Prints lines of data. */
  lines(lines: readonly string[]): void;
  /** Prints `{"schemaVersion": 1, …}`. */
  json(value: Readonly<Record<string, unknown>>): void;
  /** Prints text as it is, to standard output. */
  text(text: string): void;
  /** Prints a line of talk. */
  talk(line: string): void;
  /** Prints what failed and what to run next; as JSON when the command was asked for JSON. */
  failure(error: unknown, asJson: boolean): void;
}

/** The output of this process. */
export function processOutput(): Output {
  const colours = colourStreams();
  return makeOutput(writeOut, writeErr, styleFor(colours.out), styleFor(colours.err));
}

/** An output over two writers. */
export function makeOutput(
  out: (text: string) => void,
  err: (text: string) => void,
  style: Style = styleFor(false),
  errStyle: Style = styleFor(false),
): Output {
  return {
    style,
    lines: (lines) => out(lines.map((line) => `${line}\n`).join("")),
    json: (value) => out(`${JSON.stringify({ schemaVersion: JSON_SCHEMA_VERSION, ...value }, undefined, 2)}\n`),
    text: out,
    talk: (line) => err(`${line}\n`),
    failure: (error, asJson) => {
      const { message, hint } = errorText(error);
      const code = exitCodeFor(error);
      if (asJson) err(`${JSON.stringify({ schemaVersion: JSON_SCHEMA_VERSION, code, error: message, hint })}\n`);
      else {
        err(`${errStyle.red("error:")} ${printable(message)}\n`);
        if (hint !== undefined) err(`${errStyle.bold("next:")} ${printable(hint)}\n`);
      }
    },
  };
}
