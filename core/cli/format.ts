/**
 * Numbers as people read them, and plain tables.
 *
 * @module
 */

/** Bytes in powers of 1024: `0 B`, `1.5 KiB`, `88 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
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

/** Replaces control characters, so that text from other nodes cannot drive the terminal. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- these are the characters to take out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
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

/**
 * Aligns columns by two spaces; the header is bold. Empty cells print as `-`.
 *
 * @returns Lines without a newline at the end.
 */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[], style: Style): string[] {
  const cells = [header, ...rows.map((row) => row.map((cell) => printable(cell) || "-"))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd());
  return lines.map((line, index) => index === 0 ? style.bold(line) : line);
}
