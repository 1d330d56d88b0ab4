/**
 * What a command prints: data on standard output, talk on standard error.
 *
 * @module
 */
import { outputTraits, type StreamTraits, writeErr, writeOut } from "../io/process.ts";
import { errorText, exitCodeFor } from "./exit.ts";
import { type Layout, PLAIN_LAYOUT, printableJson, printableLine, styleFor } from "./format.ts";

/** Version of all `--json` output; raised only for changes that are not additions. */
export const JSON_SCHEMA_VERSION = 1;

/** Where a command writes. Tests give one that records. */
export interface Output {
  /** How lines of data look. */
  readonly layout: Layout;
  /** How lines of talk look. */
  readonly talkLayout: Layout;
  /** Prints lines of data. */
  lines(lines: readonly string[]): void;
  /** Prints `{"schemaVersion": 1, …}`. */
  json(value: Readonly<Record<string, unknown>>): void;
  /** Prints text as it is, to standard output. */
  text(text: string): void;
  /** Prints text as it is, to standard error. */
  talk(text: string): void;
  /** Prints what failed and what to run next; one line of JSON when the command was asked for JSON. */
  failure(error: unknown, asJson: boolean): void;
}

/** The output of this process. */
export function processOutput(): Output {
  const { out, err } = outputTraits();
  return makeOutput(writeOut, writeErr, layoutOf(out), layoutOf(err));
}

function layoutOf({ hasColours, columns = Infinity }: StreamTraits): Layout {
  return { style: styleFor(hasColours), columns };
}

/** An output over two writers. */
export function makeOutput(
  out: (text: string) => void,
  err: (text: string) => void,
  layout: Layout = PLAIN_LAYOUT,
  talkLayout: Layout = PLAIN_LAYOUT,
): Output {
  return {
    layout,
    talkLayout,
    lines: (lines) => out(lines.map((line) => `${line}\n`).join("")),
    json: (value) => out(`${printableJson({ schemaVersion: JSON_SCHEMA_VERSION, ...value }, 2)}\n`),
    text: out,
    talk: err,
    failure: (error, asJson) => {
      const { message, hint } = errorText(error);
      if (asJson) {
        const code = exitCodeFor(error);
        err(`${printableJson({ schemaVersion: JSON_SCHEMA_VERSION, code, error: message, hint }, 0)}\n`);
        return;
      }
      const { style } = talkLayout;
      err(`${style.red("error:")} ${printableLine(message)}\n`);
      if (hint !== undefined) err(`${style.bold("next:")} ${printableLine(hint)}\n`);
    },
  };
}
