/**
 * One conversation of `weft sql`: statements, and commands that begin with a dot, named as in rqlite's shell.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Control, type QueryParameterSchema } from "../../proto/gen/weft/v1/control_pb.ts";
import { didYouMean } from "../node/did_you_mean.ts";
import { READ_CONSISTENCY_KEY, READ_LEVEL_KINDS } from "../plugin/read_level.ts";
import type { RpcClient } from "../rpc/client.ts";
import { UsageError } from "./exit.ts";
import { type AskQuery, dumpSql } from "./sql_dump.ts";
import { printable } from "./format.ts";
import { nodesJson, nodesLines } from "./nodes_view.ts";
import type { Output } from "./output.ts";
import {
  raftStatusJson,
  raftStatusLines,
  snapshotJson,
  snapshotLines,
  transferJson,
  transferLines,
} from "./raft_view.ts";
import { queryCsv, queryJson, queryLines, SQL_FORMATS, type SqlFormat, truncationText } from "./sql_view.ts";

/** What the user may change on the way. */
export interface SqlSettings {
  format: SqlFormat;
  level: (typeof READ_LEVEL_KINDS)[number];
  /** Rows; 0 for the node's own limit. */
  rowLimit: number;
  /** For one query, in milliseconds; 0 for the node's own limit. */
  timeoutMs: number;
}

/** The node gets this much longer than the query, in milliseconds. */
const ANSWER_MS = 5_000;
/** Longer than the longest query that a node runs. */
const DEADLINE_MS = 20_000;
const SNAPSHOT_MS = 60_000;

const TABLES_SQL = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name";
const INDEXES_SQL = "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL" +
  " AND (:table = '' OR tbl_name = :table) ORDER BY name";
const SCHEMA_SQL = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND (:table = '' OR tbl_name = :table)" +
  " ORDER BY tbl_name, type DESC, name";

const HELP: readonly (readonly [string, string])[] = [
  [".dump [TABLE]", "schema and rows as SQL, of one table"],
  [".help", "this list"],
  [".indexes [TABLE]", "indexes, of one table"],
  [".leader", "the node that leads"],
  [".level [LEVEL]", `how fresh an answer must be: ${READ_LEVEL_KINDS.join(", ")} (also .consistency)`],
  [".limit [N]", "most rows of an answer; 0 for the node's limit"],
  [".mode [FORMAT]", `how answers look: ${SQL_FORMATS.join(", ")}`],
  [".nodes", "all nodes of the mesh"],
  [".quit", "the end (also .exit)"],
  [".schema [TABLE]", "the statements that made the tables"],
  [".snapshot", "write a snapshot of the state now"],
  [".status", "Raft as the asked node sees it"],
  [".stepdown [NODE]", "make another voter lead"],
  [".tables", "tables and views"],
];

const ALIASES: Readonly<Record<string, string>> = { ".consistency": ".level", ".exit": ".quit", ".ready": ".status" };

type Parameters = MessageInitShape<typeof QueryParameterSchema>[];

/** See the module. */
export class SqlSession {
  readonly #client: RpcClient;
  readonly #output: Output;
  readonly #settings: SqlSettings;

  constructor(client: RpcClient, settings: SqlSettings, output: Output) {
    this.#client = client;
    this.#settings = settings;
    this.#output = output;
  }

  /**
   * Carries out one line, which may be empty.
   *
   * @returns False if it was the last one.
   * @throws {UsageError} For a command that there is not.
   * @throws {MeshError} What the node refuses.
   */
  async run(line: string, parameters: Parameters = []): Promise<boolean> {
    const text = line.trim();
    if (text === "") return true;
    if (!text.startsWith(".")) {
      await this.#query(text, parameters);
      return true;
    }
    const [name = "", argument = "", ...more] = text.split(/\s+/);
    if (more.length > 0) throw new UsageError(`Cannot run "${name}" with more than one argument`, "List them: .help");
    return await this.#command(ALIASES[name] ?? name, argument);
  }

  async #command(name: string, argument: string): Promise<boolean> {
    const output = this.#output;
    switch (name) {
      case ".quit":
        return false;
      case ".help":
        output.lines(HELP.map(([command, what]) => `${command.padEnd(18)}${what}`));
        break;
      case ".tables":
        await this.#query(TABLES_SQL, []);
        break;
      case ".indexes":
        await this.#query(INDEXES_SQL, [table(argument)]);
        break;
      case ".schema":
        await this.#schema(argument);
        break;
      case ".dump":
        await this.#dump(argument);
        break;
      case ".mode":
        if (argument !== "") this.#settings.format = choose("format", argument, SQL_FORMATS);
        else output.lines([this.#settings.format]);
        break;
      case ".level":
        if (argument !== "") this.#settings.level = choose("level", argument, READ_LEVEL_KINDS);
        else output.lines([this.#settings.level]);
        break;
      case ".limit":
        if (argument !== "") this.#settings.rowLimit = readCount("limit", argument);
        else output.lines([`${this.#settings.rowLimit}`]);
        break;
      case ".status":
      case ".leader":
        await this.#status(name === ".leader");
        break;
      case ".nodes": {
        const { nodes } = (await this.#client.unary(Control.method.listNodes, {}, this.#options())).message;
        this.#print(nodesJson(nodes), () => nodesLines(nodes, output.layout));
        break;
      }
      case ".snapshot": {
        const { message } = await this.#client.unary(Control.method.takeSnapshot, {}, { deadlineMs: SNAPSHOT_MS });
        this.#print(snapshotJson(message), () => snapshotLines(message));
        break;
      }
      case ".stepdown": {
        const { message } = await this.#client.unary(Control.method.transferLeadership, { id: argument });
        this.#print(transferJson(message), () => transferLines(message));
        break;
      }
      default:
        throw unknownCommand(name);
    }
    return true;
  }

  async #query(sql: string, parameters: Parameters): Promise<void> {
    const { format, rowLimit, timeoutMs } = this.#settings;
    const request = { sql, parameters, rowLimit, timeoutMs };
    const { message } = await this.#client.unary(Control.method.query, request, this.#options());
    if (format === "json") this.#output.json(queryJson(message));
    else if (format === "csv") this.#output.text(queryCsv(message, this.#output.layout.columns !== Infinity));
    else this.#output.lines(queryLines(message, this.#output.layout));
    const truncation = truncationText(message);
    if (truncation !== undefined) this.#output.talk(`${truncation}\n`);
  }

  /** Statements are read as statements, whatever the form of rows. */
  async #schema(name: string): Promise<void> {
    if (this.#settings.format !== "table") return await this.#query(SCHEMA_SQL, [table(name)]);
    const request = { sql: SCHEMA_SQL, parameters: [table(name)] };
    const { message } = await this.#client.unary(Control.method.query, request, this.#options());
    const texts = message.rows.map(({ values }) => `${values[0]?.kind.value ?? ""};`);
    this.#output.lines(texts.flatMap((text) => text.split("\n")).map(printable));
  }

  /** SQL is SQL, whatever the form of rows. Control characters go only where nobody looks. */
  async #dump(name: string): Promise<void> {
    const { timeoutMs } = this.#settings;
    const ask: AskQuery = async (sql, parameters) =>
      (await this.#client.unary(Control.method.query, { sql, parameters, timeoutMs }, this.#options())).message;
    const text = await dumpSql(ask, name);
    if (this.#output.layout.columns === Infinity) this.#output.text(text);
    else this.#output.lines(text.trimEnd().split("\n").map(printable));
  }

  async #status(onlyLeader: boolean): Promise<void> {
    const { message } = await this.#client.unary(Control.method.getRaftStatus, {}, this.#options());
    if (onlyLeader) this.#print({ leader: message.leader }, () => [printable(message.leader || "-")]);
    else this.#print(raftStatusJson(message), () => raftStatusLines(message, this.#output.layout));
  }

  #print(json: Record<string, unknown>, lines: () => string[]): void {
    if (this.#settings.format === "json") this.#output.json(json);
    else this.#output.lines(lines());
  }

  #options() {
    const { level, timeoutMs } = this.#settings;
    const deadlineMs = timeoutMs === 0 ? DEADLINE_MS : timeoutMs + ANSWER_MS;
    return { deadlineMs, ...(level === "none" ? {} : { metadata: { [READ_CONSISTENCY_KEY]: level } }) };
  }
}

/** @throws {UsageError} If it is none of `choices`. */
export function choose<Choice extends string>(what: string, text: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot use the ${what} "${text}": expected one of ${choices.join(", ")}`);
}

/** @throws {UsageError} If it is no number from 0. */
export function readCount(what: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`Cannot use the ${what} "${text}": expected a number from 0`);
}

function table(name: string): Parameters[number] {
  return { name: "table", value: { kind: { case: "text", value: name } } };
}

function unknownCommand(name: string): UsageError {
  const names = [...HELP.map(([command]) => command.split(" ")[0] ?? ""), ...Object.keys(ALIASES)];
  const likely = didYouMean(name, names);
  return new UsageError(
    `Unknown command "${name}"${likely === undefined ? "" : `. Did you mean ${likely}?`}`,
    "List them: .help",
  );
}
