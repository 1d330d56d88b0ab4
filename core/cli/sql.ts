/**
 * `weft sql`: questions to the replicated state in SQL; one on the command line, or a conversation on standard input.
 *
 * @module
 */
import type { Command } from "commander";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { QueryParameterSchema } from "../../proto/gen/weft/v1/control_pb.ts";
import type { LineInput } from "../io/line_input.ts";
import { READ_LEVEL_KINDS } from "../plugin/read_level.ts";
import type { RpcClient } from "../rpc/client.ts";
import { EXIT, type ExitCode, exitCodeFor, UsageError } from "./exit.ts";
import type { Output } from "./output.ts";
import { choose, readCount, SqlSession, type SqlSettings } from "./sql_session.ts";
import { SQL_FORMATS } from "./sql_view.ts";
import { askNode, type TargetHost, type TargetOptions } from "./target.ts";

/** Options of the command, as the user gave them. */
export interface SqlOptions extends TargetOptions {
  readonly output?: string;
  readonly level?: string;
  readonly limit?: string;
  readonly timeout?: string;
  readonly param?: readonly string[];
}

/** What stands before the cursor. */
const PROMPT = "weft> ";

/** Adds the options that only this command has. */
export function addSqlOptions(command: Command): Command {
  const append = (text: string, all: readonly string[] | undefined): readonly string[] => [...all ?? [], text];
  return command
    .optionsGroup("Query:")
    .option("-p, --param <NAME=VALUE>", "value for :NAME; digits are an integer; may be repeated", append)
    .option("--level <LEVEL>", `how fresh the answer must be: ${READ_LEVEL_KINDS.join(", ")} (default: none)`)
    .option("--limit <N>", "most rows of an answer (default: the node's limit)")
    .option("--timeout <SECONDS>", "time for one query (default: the node's limit)");
}

/** The help that follows the options. */
export const SQL_HELP = `
Statements read: SELECT, VALUES, and WITH in front of them. They run against a copy of the state, in a thread that ends
with its time. Without a statement they are read from standard input, one per line; .help lists further commands.

Examples:
  weft sql "SELECT id, raft_id FROM nodes ORDER BY id"
  weft sql -p id=nas --level linearizable -w json "SELECT * FROM nodes WHERE id = :id"
  weft sql .schema nodes
  weft sql .dump > state.sql`;

/**
 * Runs `text`, or what `input` gives if it is empty.
 *
 * @returns The exit code: a conversation at a terminal goes on after errors and ends well, others end with the first.
 */
export async function runSql(
  text: string,
  options: SqlOptions,
  host: TargetHost,
  output: Output,
  input: () => LineInput,
): Promise<ExitCode> {
  const settings = settingsOf(options);
  const parameters = (options.param ?? []).map(parameterOf);
  if (text.trim() !== "") {
    await askNode(options, host, (client) => new SqlSession(client, settings, output).run(text, parameters));
    return EXIT.ok;
  }
  if (parameters.length > 0) throw new UsageError("Cannot use --param without a statement on the command line");
  return await askNode(options, host, (client) => converse(client, settings, output, input()));
}

async function converse(
  client: RpcClient,
  settings: SqlSettings,
  output: Output,
  input: LineInput,
): Promise<ExitCode> {
  const session = new SqlSession(client, settings, output);
  const prompt = () => input.isTerminal && output.talk(PROMPT);
  prompt();
  for await (const line of input.lines()) {
    try {
      if (!await session.run(line)) return EXIT.ok;
    } catch (error) {
      if (!input.isTerminal) throw error;
      output.failure(error, false);
      // Without the node there is nobody to talk to.
      if (exitCodeFor(error) === EXIT.notRunning) return EXIT.notRunning;
    }
    prompt();
  }
  if (input.isTerminal) output.talk("\n");
  return EXIT.ok;
}

function settingsOf({ output, json, level, limit, timeout }: SqlOptions): SqlSettings {
  if (json && output !== undefined && output !== "json") {
    throw new UsageError(`Cannot use --json with --output ${output}: choose one`);
  }
  const seconds = timeout === undefined ? 0 : Number(timeout);
  if (!(seconds >= 0 && seconds <= 3600) || timeout === "") {
    throw new UsageError(`Cannot use the timeout "${timeout}": expected seconds, for example 2.5`);
  }
  return {
    format: json ? "json" : output === undefined ? "table" : choose("format", output, SQL_FORMATS),
    level: level === undefined ? "none" : choose("level", level, READ_LEVEL_KINDS),
    rowLimit: limit === undefined ? 0 : readCount("limit", limit),
    timeoutMs: Math.ceil(seconds * 1000),
  };
}

/** `id=7` is an integer; `id:text=7` is a text. */
function parameterOf(text: string): MessageInitShape<typeof QueryParameterSchema> {
  const [, name, isText, value] = /^:?([A-Za-z_][A-Za-z0-9_]*)(:text)?=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new UsageError(`Cannot use the parameter "${text}": expected NAME=VALUE`);
  }
  if (isText === undefined && /^-?[0-9]{1,18}$/.test(value)) {
    return { name, value: { kind: { case: "integer", value: BigInt(value) } } };
  }
  return { name, value: { kind: { case: "text", value } } };
}
