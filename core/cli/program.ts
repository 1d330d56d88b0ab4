/**
 * The command line: names, options and help of every command. What a command does is in the file of its name.
 *
 * Without a command the help goes to standard error and the exit code is 2, because nothing was done; `weft help` and
 * `--help` print to standard output and exit with 0.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { systemClock } from "../io/clock.ts";
import { openCryptoSuite } from "../io/crypto_suite.ts";
import { defaultDataDir, environment, outputFileMode, readStdin, runtimeInfo } from "../io/process.ts";
import { type LineInput, stdinLines } from "../io/line_input.ts";
import { systemRandom } from "../io/random.ts";
import { createLog } from "../io/stderr_log.ts";
import { type AclOptions, type AclReadOptions, runAclDelete, runAclGet, runAclList, runAclPut } from "./acl.ts";
import { type BackupOptions, type RestoreOptions, runBackup, runRestore } from "./backup.ts";
import { type DeviceOptions, type DeviceRequest, deviceRequest, runDevice } from "./device.ts";
import { EXIT, EXIT_MEANINGS, type ExitCode, exitCodeFor, STACK_VARIABLE, unexpectedStack } from "./exit.ts";
import { generateKey, KEY_INPUT_BYTES_MAX, keyFileWarning, publicKeyOf } from "./keys.ts";
import { runLeave } from "./leave.ts";
import { logSettings } from "./lifetime.ts";
import { runNodes } from "./nodes.ts";
import { type Output, processOutput } from "./output.ts";
import { addFormatOption, asksForJson } from "./output_format.ts";
import { runPlugins } from "./plugins.ts";
import { RECOVER_HELP, type RecoverOptions, runRaftRecover } from "./raft_recover.ts";
import { type RaftOptions, runRaftMembers, runRaftSnapshot, runRaftStatus, runRaftTransfer } from "./raft.ts";
import { runNode, type RunRequest } from "./run.ts";
import { type PluginSections, type SplitArguments, splitPluginArguments } from "../node/plugin_settings.ts";
import type { Plugin } from "../plugin/plugin.ts";
import { addRunOptions, givenOptions, pluginOptionsHelp } from "./run_options.ts";
import { addSqlOptions, runSql, SQL_HELP, type SqlOptions } from "./sql.ts";
import { runMetrics } from "./metrics.ts";
import { askStatus, runStatus } from "./status.ts";
import { addTargetOptions, type TargetHost, type TargetOptions } from "./target.ts";
import { socketPathOf, upAssumptions, upLines } from "./up.ts";
import { usageError } from "./usage.ts";
import { runVersion } from "./version.ts";

/** What the command line finds around itself. Tests give their own. */
export interface Surroundings extends TargetHost {
  readonly output: Output;
  /** The plugins that ship with the program; none if left out. */
  readonly plugins?: readonly Plugin[];
  /** Runs a node to its end. */
  readonly runNode: (request: RunRequest) => Promise<ExitCode>;
  /** Runs a plain WireGuard interface to its end. */
  readonly runDevice: (request: DeviceRequest) => Promise<ExitCode>;
  /** Standard input to its end; `undefined` if it is longer. */
  readonly readStdin: (bytesMax: number) => Promise<string | undefined>;
  /** Standard input, line by line. */
  readonly stdinLines: () => LineInput;
}

/** This process. */
export function processSurroundings(plugins: readonly Plugin[] = []): Surroundings {
  return {
    plugins,
    output: processOutput(),
    environment: environment(),
    dataDir: defaultDataDir(),
    runNode,
    runDevice,
    readStdin,
    stdinLines,
  };
}

/**
 * Runs one command line.
 *
 * @param args Arguments after the program's name.
 * @returns The exit code. Never throws: what a command throws was printed.
 */
export async function runProgram(
  args: readonly string[],
  surroundings: Surroundings = processSurroundings(),
): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const { rest, sections } = pluginArguments(args, surroundings.plugins ?? []);
  const program = buildProgram({ ...surroundings, pluginFlags: sections }, (exitCode) => code = exitCode);
  try {
    await program.parseAsync([...rest], { from: "user" });
    return code;
  } catch (error) {
    // Help and version end here, after they were printed; so does a command line without a command.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    if (error instanceof CommanderError && error.code === "commander.help") return EXIT.usage;
    const failure = error instanceof CommanderError ? usageError(error, program, args) : error;
    report(failure, args, surroundings);
    return exitCodeFor(failure);
  }
}

/** Commands that run a node take options of plugins, of which the parser knows nothing. */
function pluginArguments(args: readonly string[], plugins: readonly Plugin[]): SplitArguments {
  const command = args.find((argument) => !argument.startsWith("-")) ?? "";
  if (!["run", "up"].includes(command)) return { rest: args, sections: new Map() };
  return splitPluginArguments(args, (name, option) => {
    const plugin = plugins.find((each) => each.name === name);
    return plugin?.options?.find((each) => each.name === option)?.kind === "flag";
  });
}

function report(error: unknown, args: readonly string[], { output, environment }: Surroundings): void {
  output.failure(error, asksForJson(args));
  const stack = environment[STACK_VARIABLE] === "debug" ? unexpectedStack(error) : undefined;
  if (stack !== undefined) output.talk(`${stack}\n`);
}

/** What one command line finds around itself. */
interface CommandSurroundings extends Surroundings {
  readonly pluginFlags: PluginSections;
}

function buildProgram(around: CommandSurroundings, setCode: (code: ExitCode) => void): Command {
  const { output } = around;
  const program = new Command("weft")
    .description("A WireGuard mesh in one process.")
    .usage("COMMAND [OPTIONS]")
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureHelp({ minWidthToWrap: 20, styleTitle: (title) => output.layout.style.bold(title) })
    .configureOutput({
      writeOut: (text) => output.text(text),
      writeErr: (text) => output.talk(text),
      // Said again, in the form of all errors, by `report`.
      outputError: () => {},
      getOutHelpWidth: () => helpWidth(output.layout.columns),
      getErrHelpWidth: () => helpWidth(output.talkLayout.columns),
      getOutHasColors: () => true,
      getErrHasColors: () => false,
    })
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .option("-V, --version", "print the version")
    .on("option:version", () => {
      runVersion(false, output);
      throw new CommanderError(EXIT.ok, "weft.version", "printed");
    })
    .addHelpText("after", generalHelp());
  addNodeCommands(program, around, setCode);
  addClientCommands(program, around);
  addRaftCommands(program, around);
  addAclCommands(program, around);
  addSqlCommand(program, around, setCode);
  addBackupCommands(program, around);
  addDeviceCommand(program, around, setCode);
  addKeyCommands(program, around);
  program.command("version")
    .description("version, commit, build date and Deno version of this program")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }) => runVersion(options.json ?? false, output));
  return program;
}

/** Help is wrapped for reading: not wider than a page, even where lines may be of any length. */
const HELP_COLUMNS_MAX = 110;

function helpWidth(columns: number): number {
  return Math.min(columns, HELP_COLUMNS_MAX);
}

function generalHelp(): string {
  const codes = Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `  ${code}  ${meaning}`);
  return [
    "",
    "Start a mesh on one machine, join it from others, look at it:",
    "  weft run --bootstrap --insecure",
    "  weft run --join 192.0.2.1:8443 --insecure",
    "  weft status",
    "",
    "Every option of `weft run` can also be given as an environment variable (--node-id as WEFT_NODE_ID) or as a key of",
    "the configuration file (node-id); options come before variables, variables before the file.",
    "",
    "Exit codes:",
    ...codes,
  ].join("\n");
}

function addNodeCommands(program: Command, around: CommandSurroundings, setCode: (code: ExitCode) => void): void {
  const { output, dataDir, plugins = [], pluginFlags } = around;
  const pluginHelp = pluginOptionsHelp(plugins, output.layout.style);
  const run = addRunOptions(program.command("run"), around)
    .description("run a node: start a mesh, join one, or go on in the one it belongs to")
    .usage("[--bootstrap | --join HOST:PORT[,HOST:PORT…]] [OPTIONS]")
    .addHelpText("after", `${pluginHelp}${RUN_HELP}`)
    .action(async ({ config: configPath }: { config?: string }) =>
      setCode(await around.runNode({ flags: givenOptions(run), pluginFlags, plugins, configPath }))
    );
  const up = addRunOptions(program.command("up"), around)
    .description("run a node that starts a mesh without TLS unless told otherwise, and say how others join")
    .usage("[OPTIONS]")
    .action(async ({ config: configPath }: { config?: string }) =>
      setCode(
        await around.runNode({
          flags: givenOptions(up),
          pluginFlags,
          plugins,
          configPath,
          assume: upAssumptions,
          onReady: async (config) => {
            const status = await askStatus("", { socket: socketPathOf(config) }, around);
            output.lines(upLines(status, config, { dataDir, denoVersion: runtimeInfo().denoVersion }));
          },
        }),
      )
    );
}

const RUN_HELP = `
A node that already belongs to a mesh goes on in it: --bootstrap and --join are then of no effect. It logs the message
"ready" once it belongs to a mesh with a known leader, and stops cleanly at SIGTERM and Ctrl-C. It needs root, or
CAP_NET_ADMIN and access to /dev/net/tun.

Examples:
  weft run --bootstrap --insecure
  weft run --join 192.0.2.1:8443,192.0.2.2:8443 --as-voter --insecure
  weft run --config weft.yaml`;

function addClientCommands(program: Command, around: Surroundings): void {
  const { output, dataDir } = around;
  addTargetOptions(program.command("status [NODE_ID]"), dataDir)
    .description("a node's role, leader, addresses and peers: the node on this host, or another of its mesh by id")
    .option("--metrics", "traffic by peer, processors, memory and disks instead")
    .action((nodeId: string | undefined, options: TargetOptions & { readonly metrics?: boolean }) =>
      options.metrics
        ? runMetrics(nodeId ?? "", options, around, output, systemClock.wallMs())
        : runStatus(nodeId ?? "", options, around, output, systemClock.wallMs())
    );
  addTargetOptions(program.command("nodes"), dataDir)
    .description("all nodes of the mesh")
    .action((options: TargetOptions) => runNodes(options, around, output));
  addTargetOptions(program.command("plugins [NODE_ID]"), dataDir)
    .description("the plugins of a node, and what keeps those from running that do not")
    .action((nodeId: string | undefined, options: TargetOptions) =>
      runPlugins(nodeId ?? "", options, around, output, systemClock.wallMs())
    );
  addTargetOptions(program.command("leave"), dataDir)
    .description("take the node on this host out of its mesh, make it forget the mesh, and stop it")
    .action((options: TargetOptions) => runLeave(options, around, output));
}

function addRaftCommands(program: Command, around: Surroundings): void {
  const { output, dataDir } = around;
  const raft = program.command("raft").description("the Raft group: who is in it, how it is, who leads")
    .usage("COMMAND [OPTIONS]");
  const add = (name: string) => addFormatOption(addTargetOptions(raft.command(name), dataDir));
  add("members")
    .description("the members as the leader sees them: role, address, match index, lag, last contact")
    .action((options: RaftOptions) => runRaftMembers(options, around, output));
  add("status")
    .description("term, commit and applied index, log, snapshot, disk use and timing of one node")
    .action((options: RaftOptions) => runRaftStatus(options, around, output));
  add("transfer [NODE_ID]")
    .description("make another voter lead, the one with the longest log unless named, and wait until it does")
    .action((nodeId: string | undefined, options: RaftOptions) =>
      runRaftTransfer(nodeId ?? "", options, around, output)
    );
  add("snapshot")
    .description("write a snapshot of the state now, and print its index, size and file")
    .action((options: RaftOptions) => runRaftSnapshot(options, around, output));
  const append = (id: string, all: readonly string[] | undefined): readonly string[] => [...all ?? [], id];
  addFormatOption(raft.command("recover"))
    .description("go on with this node alone when the majority of the voters is gone for good; its node must not run")
    .option("--json", "print JSON")
    .option("--data-dir <DIR>", `data directory of the stopped node (default: ${dataDir})`)
    .option("--survivor <ID>", "another node that stays in the mesh, and will join again; may be repeated", append)
    .option("--yes", "do it; without this it only says what it would do")
    .addHelpText("after", RECOVER_HELP)
    .action((options: RecoverOptions) => {
      const log = createLog(logSettings("warn", "text"));
      return runRaftRecover(options, dataDir, output, systemClock.wallMs(), log);
    });
}

function addAclCommands(program: Command, around: Surroundings): void {
  const { output, dataDir } = around;
  const acl = program.command("acl").description("the Raft ACLs: which nodes may vote")
    .usage("COMMAND [OPTIONS]")
    .addHelpText("after", ACL_HELP);
  const add = (name: string) => addFormatOption(addTargetOptions(acl.command(name), dataDir));
  const level = [
    "--level <LEVEL>",
    "how fresh it must be: none, weak, linearizable or strong (default: none)",
  ] as const;
  add("put <NAME> <ACTION> <PATTERN...>")
    .description("make an ACL that allows or denies voting, or replace the one of its name")
    .addHelpText("after", ACL_HELP)
    .action((name: string, action: string, patterns: readonly string[], options: AclOptions) =>
      runAclPut(name, action, patterns, options, around, output)
    );
  add("get <NAME>").option(...level)
    .description("one ACL")
    .action((name: string, options: AclReadOptions) => runAclGet(name, options, around, output));
  add("list").option(...level)
    .description("all ACLs, in the order of their names")
    .action((options: AclReadOptions) => runAclList(options, around, output));
  add("delete <NAME>")
    .description("delete an ACL; no error if there is none of that name")
    .action((name: string, options: AclOptions) => runAclDelete(name, options, around, output));
}

const ACL_HELP = `
ACTION is allow or deny. A PATTERN matches the whole id of a node: * is any run of characters, ? is one, upper and lower
case are the same. An ACL that denies wins over any that allows; a node that none matches may not vote; without any ACL
every node may. A voter that loses its right becomes a learner as soon as a majority of the others is up.

Examples:
  weft acl put servers allow 'server-*'
  weft acl put old deny server-3 server-7
  weft acl delete old`;

function addSqlCommand(program: Command, around: Surroundings, setCode: (code: ExitCode) => void): void {
  const command = addTargetOptions(program.command("sql [STATEMENT...]"), around.dataDir);
  addSqlOptions(addFormatOption(command, "table, json or csv"))
    .description("ask the replicated state in SQL: one statement that only reads, or a conversation")
    .addHelpText("after", SQL_HELP)
    .action(async (words: readonly string[], options: SqlOptions) =>
      setCode(await runSql(words.join(" "), options, around, around.output, around.stdinLines))
    );
}

function addBackupCommands(program: Command, around: Surroundings): void {
  const { output, dataDir } = around;
  addTargetOptions(program.command("backup <FILE>"), dataDir)
    .description("write the replicated state to a file, checksummed and verified; - for standard output")
    .option("--level <LEVEL>", "how fresh it must be: none, weak, linearizable or strong (default: none)")
    .action((path: string, options: BackupOptions) => runBackup(path, options, around, output));
  addTargetOptions(program.command("restore <FILE>"), dataDir)
    .description("put a backup in the place of the replicated state, on the leader; - for standard input")
    .option("--force", "also a backup of another mesh")
    .addHelpText("after", RESTORE_HELP)
    .action((path: string, options: RestoreOptions) => runRestore(path, options, around, output));
}

const RESTORE_HELP = `
The restore is an entry of the log: all replicas do it alike, while the mesh runs. Who belongs to the mesh stays as it is
now, with its addresses; so do the mesh's id and networks. Nodes of the backup that are not in the mesh are left out, and
get their addresses back if they join again. All other tables become those of the backup.`;

function addDeviceCommand(program: Command, around: Surroundings, setCode: (code: ExitCode) => void): void {
  program.command("device <INTERFACE>")
    .description("run a plain WireGuard interface for `wg` and `wg-quick`, without a mesh")
    .usage("INTERFACE [OPTIONS]")
    .option("-f, --foreground", "as it always does, and as others are told to")
    .option("--log-level <LEVEL>", "debug, info, warn or error (default: info)")
    .option("--log-format <FORMAT>", "text or json (default: text on a terminal)")
    .addHelpText("after", DEVICE_HELP)
    .action(async (interfaceName: string, options: DeviceOptions) =>
      setCode(await around.runDevice(deviceRequest(interfaceName, options, around.environment)))
    );
}

const DEVICE_HELP = `
Takes the place of \`wireguard-go --foreground INTERFACE\`: the interface is configured with \`wg\`, over the socket
/var/run/wireguard/INTERFACE.sock, and with \`ip\`. It logs the message "ready", and ends at SIGTERM and Ctrl-C, when the
interface is deleted, and when its socket is. It needs root, or CAP_NET_ADMIN and access to /dev/net/tun.

For wg-quick, save this as an executable file and name it in WG_QUICK_USERSPACE_IMPLEMENTATION:
  #!/bin/sh
  setsid weft device "$1" </dev/null >"/var/log/weft-$1.log" 2>&1 &
  until wg show "$1" >/dev/null 2>&1; do kill -0 $! && sleep 0.1 || exit 1; done`;

function addKeyCommands(program: Command, { output, readStdin }: Surroundings): void {
  const keys = program.command("keys").description("WireGuard keys on standard input and output").usage("COMMAND");
  keys.command("generate")
    .description("print a new private key, as `wg genkey`")
    .action(() => {
      const warning = keyFileWarning(outputFileMode());
      if (warning !== undefined) output.talk(`${warning}\n`);
      output.text(`${generateKey(systemRandom)}\n`);
    });
  keys.command("public")
    .description("print the public key of the private key on standard input, as `wg pubkey`")
    .action(async () => {
      const input = await readStdin(KEY_INPUT_BYTES_MAX);
      using suite = openCryptoSuite();
      output.text(`${publicKeyOf(input, suite.x25519)}\n`);
    });
}
