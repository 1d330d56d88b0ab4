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
import type { SqlDatabase, SqlRows } from "../seams/sql_database.ts";

const TABLES_SQL = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";

const COLUMNS_SQL = "SELECT name, pk FROM pragma_table_info(:table) ORDER BY cid";

/** 64 hexadecimal digits. Costs a read of every row. */
export function stateHash(database: SqlDatabase): string {
  const hash = createSha256();
  const encoder = new TextEncoder();
  const schema = database.run(TABLES_SQL).rows;
  // JSON is unambiguous for arrays of texts and integers; the newline ends each document.
  const update = (value: unknown) => hash.update(encoder.encode(JSON.stringify(value) + "\n"));
  update(schema);
  for (const [name, sql] of schema) {
    if (typeof sql === "string" && /^CREATE TABLE/i.test(sql)) update(tableRows(database, String(name)));
  }
  return hash.digest().toHex();
}

function tableRows(database: SqlDatabase, table: string): SqlRows["rows"] {
  const columns = database.run(COLUMNS_SQL, { table }).rows;
  const names = columns.map(([name]) => identifier(String(name)));
  const keys = columns.filter(([, pk]) => pk !== 0).sort(([, a], [, b]) => Number(a) - Number(b))
    .map(([name]) => identifier(String(name)));
  const order = keys.length > 0 ? keys : names;
  return database.run(`SELECT ${names.join(", ")} FROM ${identifier(table)} ORDER BY ${order.join(", ")}`).rows;
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
