/**
 * The state hash: SHA-256 over what the replicated database says, equal on all replicas at equal applied index.
 *
 * It is taken over the schema and the rows, table by table in the order of their keys, and not over the database file:
 * which pages are free and what is left in them depends on where transactions ended and on snapshots, and the header on
 * the version of the library. The same idea as SQLite's own `dbhash`.
 *
 * @module
 */
import { createSha256 } from "../crypto/sha256.ts";
import type { SqlDatabase, SqlParameters, SqlRows, SqlValue } from "../seams/sql_database.ts";

/** Rows that are hashed between two steps: under a millisecond for rows as nodes are, under ten for the longest. */
export const HASH_STEP_ROWS = 64;

const TABLES_SQL = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";

const COLUMNS_SQL = 'SELECT name, pk, "notnull" FROM pragma_table_info(:table) ORDER BY cid';

/** 64 hexadecimal digits. Costs a read of every row. */
export function stateHash(database: SqlDatabase): string {
  const steps = stateHashSteps(database);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same in steps; nobody may write to `database` before the last one. */
export function* stateHashSteps(database: SqlDatabase): Generator<undefined, string, undefined> {
  const hash = createSha256();
  const encoder = new TextEncoder();
  const update = (text: string) => hash.update(encoder.encode(text));
  const schema = database.run(TABLES_SQL).rows;
  // JSON is unambiguous for arrays of texts and integers; the newline ends each document.
  update(JSON.stringify(schema) + "\n");
  for (const [name, sql] of schema) {
    if (typeof sql !== "string" || !/^CREATE TABLE/i.test(sql)) continue;
    let before = "[";
    for (const rows of rowsInSteps(database, String(name))) {
      yield;
      if (rows.length === 0) continue;
      update(before + JSON.stringify(rows).slice(1, -1));
      before = ",";
    }
    update(before === "[" ? "[]\n" : "]\n");
  }
  return hash.digest().toHex();
}

type Rows = SqlRows["rows"];

/** All rows in the order of the key, a few at a time: each query goes on behind the key at which the last one ended. */
function* rowsInSteps(database: SqlDatabase, table: string): Generator<Rows, void, undefined> {
  const columns = database.run(COLUMNS_SQL, { table }).rows;
  const names = columns.map(([name]) => identifier(String(name)));
  const keys = columns.flatMap(([, pk, notNull], place) => pk === 0 ? [] : [{ place, pk: Number(pk), notNull }])
    .sort((a, b) => a.pk - b.pk);
  const keyNames = keys.map(({ place }) => names[place] ?? "");
  const all = `SELECT ${names.join(", ")} FROM ${identifier(table)}`;
  if (keys.length === 0 || keys.some(({ notNull }) => notNull === 0)) {
    // A key that may be NULL cannot be compared with; replicated tables have none.
    const order = keyNames.length > 0 ? keyNames : names;
    yield database.run(`${all} ORDER BY ${order.join(", ")}`).rows;
    return;
  }
  const order = `ORDER BY ${keyNames.join(", ")} LIMIT ${HASH_STEP_ROWS}`;
  const behind = `WHERE (${keyNames.join(", ")}) > (${keys.map((_, n) => `:after_${n}`).join(", ")})`;
  let rows = database.run(`${all} ${order}`).rows;
  for (;;) {
    yield rows;
    const last = rows.length < HASH_STEP_ROWS ? undefined : rows.at(-1);
    if (!last) return;
    rows = database.run(`${all} ${behind} ${order}`, keyParameters(keys.map(({ place }) => last[place] ?? null))).rows;
  }
}

function keyParameters(values: readonly SqlValue[]): SqlParameters {
  return Object.fromEntries(values.map((value, n) => [`after_${n}`, value]));
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
