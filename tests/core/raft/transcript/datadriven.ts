/**
 * Transcripts: text files in which each directive is followed by the output that it must have.
 *
 * A case is a directive line, input lines, a line `----`, and the expected output up to a blank line. Lines that start
 * with `#` before a directive are comments. Arguments are `key`, `key=value` or `key=(value,value)`. Continuation lines,
 * subtests and outputs with blank lines of that format are left out.
 *
 * @module
 */

/** One argument; `values` is empty for a bare `key`. */
export interface Argument {
  readonly key: string;
  readonly values: readonly string[];
}

/** A directive as its handler sees it. */
export interface Directive {
  readonly command: string;
  readonly args: readonly Argument[];
  /** Input lines, joined. */
  readonly input: string;
}

/** A directive and what it must say. */
export interface TranscriptCase extends Directive {
  /** 1-based. */
  readonly line: number;
  readonly text: string;
  readonly expected: string;
  /** Lines of the expected output, 0-based, end exclusive. */
  readonly expectedLines: readonly [number, number];
}

/** Carries out one directive. */
export type Handler = (directive: Directive) => string;

/** A case whose output is not the expected one. */
export interface Mismatch {
  readonly line: number;
  readonly text: string;
  readonly expected: string;
  readonly actual: string;
}

/** All cases of a file. */
export function parseTranscript(text: string): TranscriptCase[] {
  const lines = text.split("\n");
  const cases: TranscriptCase[] = [];
  let i = 0;
  while (i < lines.length) {
    const line = i + 1;
    const directive = (lines[i++] ?? "").trim();
    if (directive === "" || directive.startsWith("#")) continue;
    const input: string[] = [];
    while (i < lines.length && lines[i] !== "----") input.push(lines[i++] ?? "");
    i++;
    const start = i;
    while (i < lines.length && lines[i] !== "") i++;
    const expected = lines.slice(start, i).join("\n");
    const { command, args } = parseDirective(directive);
    const expectedLines = [start, i] as const;
    cases.push({ line, text: directive, command, args, input: input.join("\n"), expected, expectedLines });
  }
  return cases;
}

/** Runs all cases in order; a mismatch does not stop the run. */
export function runTranscript(text: string, handler: Handler): Mismatch[] {
  const mismatches: Mismatch[] = [];
  for (const { line, text: directive, expected: raw, ...rest } of parseTranscript(text)) {
    const expected = comparable(raw);
    const actual = comparable(handler(rest));
    if (actual !== expected) mismatches.push({ line, text: directive, expected, actual });
  }
  return mismatches;
}

/** The same transcript with what the handler says now; whoever keeps it has read the difference. */
export function rewriteTranscript(text: string, handler: Handler): string {
  const lines: (string | undefined)[] = text.split("\n");
  for (const { expectedLines: [start, end], ...directive } of parseTranscript(text)) {
    const said = comparable(handler(directive));
    lines.fill(undefined, start, end);
    lines[start - 1] += `\n${said}`;
  }
  return lines.filter((line) => line !== undefined).join("\n");
}

/** A mismatch for people. */
export function describeMismatch({ line, text, expected, actual }: Mismatch): string {
  return `line ${line}: ${text}\n--- expected\n${expected}\n--- actual\n${actual}\n`;
}

/** Without the log lines of the implementation that a transcript was recorded with, which are no behaviour. */
function comparable(output: string): string {
  const lines = output.split("\n").filter((line) => !/^\s*(DEBUG|INFO|WARN|ERROR|FATAL) /.test(line));
  return lines.join("\n").trimEnd() || "ok";
}

function parseDirective(line: string): { command: string; args: Argument[] } {
  const [command = "", ...words] = line.match(/[^\s=]+=\([^)]*\)|\S+/g) ?? [];
  return { command, args: words.map(parseArgument) };
}

function parseArgument(word: string): Argument {
  const at = word.indexOf("=");
  if (at < 0) return { key: word, values: [] };
  const value = word.slice(at + 1);
  const list = /^\((.*)\)$/.exec(value)?.[1];
  return {
    key: word.slice(0, at),
    values: list === undefined ? [value] : list.split(/[\s,]+/).filter((item) => item !== ""),
  };
}
