/**
 * `.dump` of `weft sql`: schema and rows as SQL text that makes the same database elsewhere. For reading and for other
 * programs; what a mesh is restored from is `weft backup`.
 *
 * Everything is of one applied index: answers come in pieces, and if the state moves on between two of them it begins
 * again.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { QueryParameterSchema, QueryResponse, QueryValue } from "../../proto/gen/weft/v1/control_pb.ts";
import { MeshError } from "../plugin/errors.ts";
import { UsageError } from "./exit.ts";

/** Characters of a dump. */
export const DUMP_CHARACTERS_MAX = 64 << 20;
/** How often a dump begins again because the state has moved on. */
export const DUMP_TRIES_MAX = 5;

/** Asks the node one query. */
export type AskQuery = (
  sql: string,
  parameters: MessageInitShape<typeof QueryParameterSchema>[],
) => Promise<QueryResponse>;

/** Tables first, then what stands on them. Tables of SQLite itself come into being with the others. */
const OBJECTS_SQL = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%'" +
  " ESCAPE '\\' AND (:table = '' OR tbl_name = :table) ORDER BY type <> 'table', name";

/** The state is another one by now. */
class Moved extends Error {}

/**
 * The SQL text of the whole state, or of one table with its indexes and triggers.
 *
 * @param table Empty for everything.
 * @throws {UsageError} If there is no such table.
 * @throws {MeshError} What the node refuses; `exhausted` if the dump would be larger than {@linkcode DUMP_CHARACTERS_MAX};
 * `unavailable` if the state does not stand still for as long as it takes.
 */
export async function dumpSql(ask: AskQuery, table: string): Promise<string> {
  for (let i = 0; i < DUMP_TRIES_MAX; i++) {
    try {
      return await new Dump(ask).run(table);
    } catch (error) {
      if (!(error instanceof Moved)) throw error;
    }
  }
  throw new MeshError("unavailable", "The state changes faster than it can be dumped", {
    hint: "Dump one table at a time, or take it as it is at one moment: `weft backup FILE`.",
  });
}

class Dump {
  readonly #ask: AskQuery;
  readonly #lines: string[] = [];
  #characters = 0;
  #index: bigint | undefined;

  constructor(ask: AskQuery) {
    this.#ask = ask;
  }

  async run(table: string): Promise<string> {
    const parameters = [{ name: "table", value: { kind: { case: "text", value: table } } } as const];
    const objects: { type: string; name: string; sql: string }[] = [];
    for await (const [type, name, sql] of this.#rows(OBJECTS_SQL, parameters)) {
      objects.push({ type: textOf(type), name: textOf(name), sql: textOf(sql) });
    }
    if (table !== "" && objects.length === 0) {
      throw new UsageError(`Cannot dump "${table}": there is no such table`, "List them: .tables");
    }
    this.#add(`-- State of log index ${this.#index}`);
    this.#add("PRAGMA foreign_keys=OFF;");
    this.#add("BEGIN TRANSACTION;");
    for (const { type, name, sql } of objects) {
      this.#add(`${sql};`);
      if (type !== "table") continue;
      for await (const values of this.#rows(`SELECT * FROM ${quotedName(name)}`, [])) {
        this.#add(`INSERT INTO ${quotedName(name)} VALUES(${values.map(literalOf).join(",")});`);
      }
    }
    this.#add("COMMIT;");
    return `${this.#lines.join("\n")}\n`;
  }

  /** All rows of a query, in as many answers as it takes. */
  async *#rows(sql: string, parameters: Parameters<AskQuery>[1]): AsyncGenerator<readonly QueryValue[]> {
    for (let offset = 0;;) {
      const { rows, truncated, appliedIndex } = await this.#ask(`${sql} LIMIT -1 OFFSET ${offset}`, parameters);
      this.#index ??= appliedIndex;
      if (appliedIndex !== this.#index) throw new Moved();
      for (const { values } of rows) yield values;
      if (truncated === "") return;
      if (rows.length === 0) throw tooLarge("a row is larger than an answer may be");
      offset += rows.length;
    }
  }

  #add(line: string): void {
    this.#characters += line.length + 1;
    if (this.#characters > DUMP_CHARACTERS_MAX) throw tooLarge(`it has more than ${DUMP_CHARACTERS_MAX} characters`);
    this.#lines.push(line);
  }
}

/** A value as SQL text. */
function literalOf({ kind }: QueryValue): string {
  switch (kind.case) {
    case undefined:
      return "NULL";
    case "integer":
      // The digits of the smallest integer alone would be read as a real number.
      return kind.value === -(2n ** 63n) ? "(-9223372036854775807 - 1)" : `${kind.value}`;
    case "real":
      return realLiteral(kind.value);
    case "blob":
      return `x'${kind.value.toHex()}'`;
    case "text":
      // SQL text ends at a zero character.
      if (kind.value.includes("\0")) return `CAST(x'${new TextEncoder().encode(kind.value).toHex()}' AS TEXT)`;
      return `'${kind.value.replaceAll("'", "''")}'`;
  }
}

function realLiteral(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "9e999" : "-9e999";
  const text = `${value}`;
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function textOf(value: QueryValue | undefined): string {
  return value?.kind.case === "text" ? value.kind.value : "";
}

function tooLarge(why: string): MeshError {
  return new MeshError("exhausted", `Cannot dump the state: ${why}`, {
    hint: "Dump one table at a time, or take the database itself: `weft backup FILE`.",
  });
}
