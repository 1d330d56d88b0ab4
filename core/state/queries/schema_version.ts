/**
 * Which migrations this replica has applied.
 *
 * @module
 */
import type { SqlParameters } from "../../seams/sql_database.ts";
import type { StateReader } from "../apply.ts";
import { type Row, text } from "./cells.ts";

const HAS_STATE_SQL = "SELECT name FROM sqlite_schema WHERE name = 'mesh_state'";

const VERSION_SQL = "SELECT value FROM mesh_state WHERE key = 'schema_version'";

/** Number of the last migration applied; 0 before the first, when no other table can be read. */
export function schemaVersion(reader: StateReader): number {
  if (reader.rows(HAS_STATE_SQL).rows.length === 0) return 0;
  return Number(text(reader.rows(VERSION_SQL).rows[0]?.[0]));
}

/** The rows of a query on the tables of the schema; none before the first migration. */
export function schemaRows(reader: StateReader, sql: string, parameters: SqlParameters = {}): readonly Row[] {
  return schemaVersion(reader) === 0 ? [] : reader.rows(sql, parameters).rows;
}
