/**
 * Standard input, line by line, for programs that people type to.
 *
 * @module
 */

/** A longer line ends the input; UTF-16 units. */
export const LINE_UNITS_MAX = 1 << 20;

/** Lines, and whether somebody types them. */
export interface LineInput {
  /** A person at a terminal, who wants a prompt. */
  readonly isTerminal: boolean;
  /** Each line without its end. Ends with the input. @throws {Error} If a line is too long. */
  lines(): AsyncIterable<string>;
}

/** The standard input of this process. */
export function stdinLines(): LineInput {
  return { isTerminal: Deno.stdin.isTerminal(), lines: () => linesOf(Deno.stdin) };
}

/** Splits what `source` gives at line feeds; a carriage return before one belongs to it. */
export async function* linesOf(
  source: { read(into: Uint8Array): Promise<number | null> },
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(16 * 1024);
  let rest = "";
  for (;;) {
    const count = await source.read(chunk);
    if (count === null) break;
    const lines = (rest + decoder.decode(chunk.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield line.replace(/\r$/, "");
    if (rest.length > LINE_UNITS_MAX) throw new Error(`Cannot read a line of more than ${LINE_UNITS_MAX} characters`);
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
