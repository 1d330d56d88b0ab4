/**
 * Tables of plugins in the replicated state. How far a plugin's tables are is in the core's table `namespaces`; a plugin's
 * SQL may read everything and write what begins with its own name.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../proto/gen/v1/node_raft_pb.ts";
import { ConfigError, MeshError } from "../plugin/errors.ts";
import type { OwnTables, Tables, TableSchema, TableStatement } from "../plugin/tables.ts";
import type { SqlParameters, SqlRows } from "../seams/sql_database.ts";
import type { StateReader } from "../state/apply.ts";
import { executionEntry, queryEntry, responseRows, tryEncodeEntry } from "../state/codec.ts";
import { entrySqlProblem } from "../state/determinism.ts";
import { refusalIn, refuseSql } from "../state/refusal.ts";
import { type SqlToken, sqlTokens } from "../state/sql_tokens.ts";

/** What tables need of the node. */
export interface PluginTablesParts {
  /** The plugin's name. */
  readonly namespace: string;
  read<Result>(query: (reader: StateReader) => Result): Result;
  propose(entry: RaftLogEntry): Promise<RaftApplyResponse>;
}

const VERSION = "(SELECT version FROM namespaces WHERE name = :namespace)";

/** See the module. */
export class PluginTables implements Tables {
  readonly #parts: PluginTablesParts;

  constructor(parts: PluginTablesParts) {
    this.#parts = parts;
  }

  open({ migrations }: TableSchema): OwnTables {
    const { namespace, read, propose } = this.#parts;
    for (const sql of migrations) refuseForeign(namespace, sql);
    const version = () => read((reader) => namespaceVersion(reader, namespace));
    return {
      isReady: () => version() >= migrations.length,
      async migrate() {
        for (let next = version() + 1; next <= migrations.length; next = Math.max(next, version()) + 1) {
          if (next === 1) read((reader) => refuseTaken(reader, namespace));
          const refusal = refusalIn(await propose(migration(namespace, next, migrations[next - 1] ?? "")));
          // Another node was faster.
          if (refusal && refusal.code !== "schema-newer") throw new MeshError(refusal.reason, refusal.message);
        }
      },
      async write({ sql }: TableStatement, parameters: SqlParameters): Promise<SqlRows> {
        refuseForeign(namespace, sql);
        const response = await propose(queryEntry(sql, parameters));
        const refusal = refusalIn(response);
        if (refusal) throw new MeshError(refusal.reason, refusal.message);
        return responseRows(response);
      },
    };
  }
}

/**
 * The bytes of an entry that a plugin has made, of what its callers have sent.
 *
 * @throws {MeshError} `invalid-argument` if it is beyond a limit.
 */
export function pluginEntryBytes(entry: RaftLogEntry): Uint8Array {
  const bytes = tryEncodeEntry(entry);
  if (typeof bytes === "string") throw new MeshError("invalid-argument", bytes);
  return bytes;
}

/** The log entry that leads the plugin's tables from `version` - 1 to `version`; does nothing twice. */
function migration(namespace: string, version: number, sql: string): RaftLogEntry {
  const text = [
    refuseSql("schema-newer", `WHERE ${VERSION} >= :version`),
    refuseSql("schema-older", `WHERE coalesce(${VERSION}, 0) < :version - 1`),
    /;\s*$/.test(sql) ? sql : `${sql};`,
    "INSERT INTO namespaces (name, version) VALUES (:namespace, :version)",
    "ON CONFLICT (name) DO UPDATE SET version = :version;",
  ].join("\n");
  return executionEntry(text, { namespace, version });
}

function namespaceVersion(reader: StateReader, namespace: string): number {
  if (reader.rows("SELECT 1 FROM sqlite_schema WHERE name = 'namespaces'").rows.length === 0) return 0;
  const [row] = reader.rows("SELECT version FROM namespaces WHERE name = :namespace", { namespace }).rows;
  return typeof row?.[0] === "number" ? row[0] : 0;
}

/** A plugin that is called like a table of the core would own its indexes. */
function refuseTaken(reader: StateReader, namespace: string): void {
  const sql = "SELECT name FROM sqlite_schema WHERE substr(name, 1, length(:prefix)) = :prefix ORDER BY name LIMIT 1";
  const [row] = reader.rows(sql, { prefix: `${namespace}_` }).rows;
  if (row) throw new ConfigError(`The plugin "${namespace}" cannot have tables: "${row[0]}" is not its own`);
}

/** Words behind which the name of something that is made, changed or pointed at stands. */
const BEFORE_NAMES: ReadonlySet<string> = new Set(["table", "index", "view", "trigger", "into", "references"]);
const FILLERS: ReadonlySet<string> = new Set(["if", "not", "exists"]);

/** @throws {ConfigError} For SQL that a log entry may not have, and for names that are not the plugin's. */
function refuseForeign(namespace: string, sql: string): void {
  const problem = entrySqlProblem(sql);
  if (problem !== undefined) throw new ConfigError(`The plugin "${namespace}" cannot use this SQL: ${problem}`);
  const tokens = sqlTokens(sql) ?? [];
  for (const [position, token] of tokens.entries()) {
    if (token.kind !== "word") continue;
    const target = targetOf(tokens, position, token.text);
    if (!target || target.text.startsWith(`${namespace}_`)) continue;
    throw new ConfigError(
      `The plugin "${namespace}" cannot use this SQL: "${target.text}" is not its own`,
      `Names of its tables, indexes, views and triggers begin with "${namespace}_".`,
    );
  }
}

/** What the word at `position` says is made, written to or pointed at. */
function targetOf(tokens: readonly SqlToken[], position: number, word: string): SqlToken | undefined {
  const next = tokens[position + 1];
  const before = tokens[position - 1]?.text;
  if (BEFORE_NAMES.has(word)) return nameFrom(tokens, position + 1);
  if (word === "from" && before === "delete") return next;
  // `ON CONFLICT DO UPDATE SET`, `AFTER UPDATE ON`, `UPDATE OF column`, `REFERENCES … ON UPDATE` name nothing here.
  if (word === "update" && before !== "on" && !["set", "on", "of"].includes(next?.text ?? "")) {
    return next?.text === "or" ? tokens[position + 3] : next;
  }
  // An index or trigger belongs to a table; a join's ON is followed by a column, which is no harm.
  const isOwner = word === "on" && tokens.slice(0, position).some(({ text }) => text === "index" || text === "trigger");
  const isClause = ["conflict", "delete", "update"].includes(next?.text ?? "");
  return isOwner && !isClause && tokens[position + 2]?.text !== "." ? next : undefined;
}

function nameFrom(tokens: readonly SqlToken[], from: number): SqlToken | undefined {
  let position = from;
  while (FILLERS.has(tokens[position]?.text ?? "")) position++;
  return tokens[position];
}
