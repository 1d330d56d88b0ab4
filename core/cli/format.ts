/**
 * Numbers as people read them, text that a terminal cannot act on, and plain tables.
 *
 * @module
 */

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes in powers of 1024: `0 B`, `1.5 KiB`, `88 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.round(value) >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  // One decimal below ten, also after rounding: 9.96 is 10, not 10.0.
  const digits = unit === 0 || Math.round(value * 10) >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** An age in its two largest units: `41s`, `1m02s`, `3h05m`, `2d04h`. Negative ages read as `0s`. */
export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  const pad = (value: number) => String(value).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${pad(seconds % 60)}s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h${pad(Math.floor(seconds / 60) % 60)}m`;
  return `${Math.floor(seconds / 86400)}d${pad(Math.floor(seconds / 3600) % 24)}h`;
}

/** Controls, marks without width or that reverse the direction of writing, lone surrogates, separators of lines. */
const UNPRINTABLE_REGEXP = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text from other nodes with everything replaced that could drive the terminal or mislead the eye. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE_REGEXP, "?");
}

/** The same for a message: white space of all kinds becomes one space, so that it is one line. */
export function printableLine(text: string): string {
  return printable(text.replace(/\s+/g, " ").trim());
}

/**
 * JSON as people and programs read it, indented; whatever {@linkcode printable} would replace is escaped.
 *
 * @param indent Spaces per level; 0 for one line.
 */
export function printableJson(value: unknown, indent: number): string {
  const text = JSON.stringify(value, undefined, indent);
  // The only unprintable characters outside of strings are the line feeds of the indentation.
  return text.replace(UNPRINTABLE_REGEXP, (character) => character === "\n" ? "\n" : escapeUnits(character));
}

function escapeUnits(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}

/** Colours for one output stream. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly red: (text: string) => string;
}

/** ANSI colours when `enabled`, otherwise plain text. */
export function styleFor(enabled: boolean): Style {
  const code = (number: number) => (text: string) => enabled ? `\u001b[${number}m${text}\u001b[0m` : text;
  return { bold: code(1), dim: code(2), green: code(32), yellow: code(33), red: code(31) };
}

/** How lines for one output stream look. */
export interface Layout {
  readonly style: Style;
  /** Characters per line; `Infinity` unless the stream is a terminal. */
  readonly columns: number;
}

/** No colours, lines of any length: what programs read. */
export const PLAIN_LAYOUT: Layout = { style: styleFor(false), columns: Infinity };

/**
 * Aligns columns by two spaces; the header is bold. Empty cells print as `-`.
 *
 * A table that is wider than the terminal comes out as one block per row, a line per cell: nothing is cut, because
 * addresses and keys are there to be copied.
 *
 * @param rows As many cells per row as `header` has. Made {@linkcode printable}.
 * @returns Lines without a newline at the end.
 */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  layout: Layout,
): string[] {
  const cells = rows.map((row) => row.map((cell) => printable(cell) || "-"));
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const width = widths.reduce((sum, column) => sum + column + 2, -2);
  if (width > layout.columns) return renderBlocks(header, cells, layout);
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd();
  return [layout.style.bold(line(header)), ...cells.map(line)];
}

function renderBlocks(header: readonly string[], rows: readonly (readonly string[])[], { style }: Layout): string[] {
  const width = Math.max(...header.map((title) => title.length));
  const block = (row: readonly string[]) =>
    row.map((cell, column) => `${style.bold((header[column] ?? "").padEnd(width))}  ${cell}`);
  return rows.flatMap((row, index) => index === 0 ? block(row) : ["", ...block(row)]);
}
