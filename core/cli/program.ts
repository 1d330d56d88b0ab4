/**
 * The command line: names, options and help of every command. What a command does is in the file of its name.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { openCryptoSuite } from "../io/crypto_suite.ts";
import { systemClock } from "../io/clock.ts";
import { readStdin, writeErr, writeOut } from "../io/process.ts";
import { systemRandom } from "../io/random.ts";
import { type OptionName, type OptionSpec, type RawOption, type RawOptions, RUN_OPTIONS } from "../node/options.ts";
import { EXIT, exitCodeFor } from "./exit.ts";
import { generateKey, KEY_INPUT_BYTES_MAX, publicKeyOf } from "./keys.ts";
import { runLeave } from "./leave.ts";
import { runNodes } from "./nodes.ts";
import { type Output, processOutput } from "./output.ts";
import { runNode } from "./run.ts";
import { runStatus } from "./status.ts";
import { addTargetOptions, type TargetOptions } from "./target.ts";
import { runVersion } from "./version.ts";

/**
 * Runs one command line.
 *
 * @param args Arguments after the program's name.
 * @returns The exit code.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  const output = processOutput();
  let code: number = EXIT.ok;
  const program = buildProgram(output, (exitCode) => code = exitCode);
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    // Commander has printed its message; help and version end here too, with code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    output.failure(error, args.includes("--json"));
    return exitCodeFor(error);
  }
  return code;
}

function buildProgram(output: Output, setCode: (code: number) => void): Command {
  const program = new Command("weft")
    .description("A WireGuard mesh in one process.")
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({ writeOut, writeErr, outputError: (text, write) => write(text) });
  addRun(program, setCode);
  addTargetOptions(program.command("status [node-id]"))
    .description("this node (or another): role, leader, addresses, peers")
    .action((nodeId: string | undefined, options: TargetOptions) =>
      runStatus(nodeId ?? "", options, output, systemClock.wallMs())
    );
  addTargetOptions(program.command("nodes"))
    .description("all nodes of the mesh")
    .action((options: TargetOptions) => runNodes(options, output));
  addTargetOptions(program.command("leave"))
    .description("leave the mesh and stop")
    .action((options: TargetOptions) => runLeave(options, output));
  addKeys(program, output);
  program.command("version")
    .description("version, commit, build date, Deno version")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }) => runVersion(options.json ?? false, output));
  return program;
}

function addRun(program: Command, setCode: (code: number) => void): void {
  const run = program.command("run").description("run a node");
  for (const spec of RUN_OPTIONS) addRunOption(run, spec);
  run.option("--config <file>", "configuration file: YAML, JSON or TOML");
  run.action(async (options: Record<string, unknown>) => {
    const config = typeof options["config"] === "string" ? options["config"] : undefined;
    setCode(await runNode(givenFlags(run, options), config));
  });
}

function addRunOption(run: Command, spec: OptionSpec): void {
  const help = spec.defaultText === undefined ? spec.help : `${spec.help} (default: ${spec.defaultText})`;
  if (spec.kind === "flag") run.option(`--${spec.name}`, help);
  else if (spec.kind === "list") {
    run.option(`--${spec.name} <${spec.placeholder}>`, help, (text: string, all: string[] = []) => [...all, text]);
  } else run.option(`--${spec.name} <${spec.placeholder}>`, help);
}

/** The options that stand on the command line, by the names of the option table. */
function givenFlags(run: Command, values: Record<string, unknown>): RawOptions {
  const flags = new Map<OptionName, RawOption>();
  for (const { name } of RUN_OPTIONS) {
    // Commander turns `--no-x` into an option `x` that is true unless the flag stands there.
    const negated = name.startsWith("no-");
    const key = (negated ? name.slice(3) : name).replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    if (run.getOptionValueSource(key) !== "cli") continue;
    const value = values[key];
    const source = `--${name}`;
    if (typeof value === "boolean") flags.set(name, { value: negated ? !value : value, source });
    else if (typeof value === "string") flags.set(name, { value, source });
    else if (Array.isArray(value)) flags.set(name, { value: value.map(String), source });
  }
  return flags;
}

function addKeys(program: Command, output: Output): void {
  const keys = program.command("keys").description("WireGuard keys on standard input and output");
  keys.command("generate")
    .description("a new private key, as `wg genkey`")
    .action(() => output.text(`${generateKey(systemRandom)}\n`));
  keys.command("public")
    .description("the public key of the private key on standard input, as `wg pubkey`")
    .action(async () => {
      const input = await readStdin(KEY_INPUT_BYTES_MAX);
      output.text(`${publicKeyOf(input, openCryptoSuite().x25519)}\n`);
    });
}
