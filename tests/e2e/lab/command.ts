/**
 * Running a command to its end.
 *
 * @module
 */

import { within } from "./eventually.ts";

/** How long a command may take unless its options say otherwise. */
const DEADLINE_MS = 60_000;

/** What a finished command left. */
export interface CommandResult {
  /** Exit code; 128 + n when signal n ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and with what a program runs. */
export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Start from an empty environment instead of this process'. */
  readonly clearEnv?: boolean;
}

/** How a command runs that ends by itself. */
export interface CommandOptions extends ProgramOptions {
  /** Text for standard input; otherwise it is empty. */
  readonly stdin?: string;
  /** When the command is killed; a minute unless given. */
  readonly deadlineMs?: number;
}

/**
 * Runs `command` and collects its output, whatever its exit code.
 *
 * @throws {Error} If it cannot be started or does not end in time.
 */
export async function run(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { stdin, deadlineMs = DEADLINE_MS, ...where } = options;
  const child = new Deno.Command(command[0] ?? "", {
    ...where,
    args: command.slice(1),
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
  }
  const output = child.output();
  const { code, stdout, stderr } = await within(command.join(" "), output, deadlineMs).catch(async (error) => {
    child.kill("SIGKILL");
    await output;
    throw error;
  });
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/**
 * Runs `command` and returns its standard output.
 *
 * @throws {Error} If it exits with anything but 0; the message has the command and both outputs.
 */
export async function mustRun(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}\n${stderr}${stdout}`);
  return stdout;
}
