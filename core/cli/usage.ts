/**
 * What the parser of the command line complains about, in the form of all other errors.
 *
 * @module
 */
import type { Command, CommanderError } from "commander";
import { UsageError } from "./exit.ts";

/**
 * The parser's complaint as an error of ours: `error: unknown option '--mto'\n(Did you mean --mtu?)` becomes
 * `Unknown option "--mto". Did you mean --mtu?`.
 *
 * @param args The command line, to tell which command's help explains it.
 */
export function usageError(error: CommanderError, program: Command, args: readonly string[]): UsageError {
  const text = error.message
    .replace(/^error: /, "")
    .replace(/\n\((Did you mean .*\?)\)$/s, ". $1")
    .replace(/'([^']*)'/g, '"$1"')
    .replace(/\.$/, "");
  const message = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return new UsageError(message, `See: ${commandPath(program, args)} --help`, { cause: error });
}

/** `weft keys public` for `keys public --mto`. */
function commandPath(program: Command, args: readonly string[]): string {
  const names = [program.name()];
  let command = program;
  for (const name of args) {
    const inner = command.commands.find((candidate) => candidate.name() === name);
    if (!inner) break;
    names.push(name);
    command = inner;
  }
  return names.join(" ");
}
