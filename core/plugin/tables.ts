/**
 * Tables that belong to a plugin, in the replicated state: made by migrations that are log entries, written by fixed
 * statements with parameters, and read by queries of the same shape as the core's.
 *
 * Names of all that a migration makes start with the plugin's name and `_`. Texts follow the rules of all replicated SQL:
 * STRICT and WITHOUT ROWID, integers and text, keys and times given by the proposer, no `random()`, no clock.
 *
 * @module
 */
import type { SqlParameters, SqlRows } from "../seams/sql_database.ts";

/** What a plugin keeps, as data. */
export interface TableSchema {
  /** The SQL of version n at index n - 1. Append only: it is in the logs of meshes that exist. */
  readonly migrations: readonly string[];
}

/** A statement of a plugin's own. Its text is fixed; values are parameters (`:name`). */
export interface TableStatement {
  readonly sql: string;
}

/** A plugin's tables at work. */
export interface OwnTables {
  /** Whether this replica has the tables as of the last migration. Before, queries of them fail. */
  isReady(): boolean;
  /**
   * Brings the tables to the last migration, which takes the leader; resolves at once if they are there.
   *
   * @throws {MeshError} `not-leader` with the leader's address, `no-leader`, …
   */
  migrate(): Promise<void>;
  /**
   * Writes; one entry of the log. On the leader, after {@linkcode OwnTables.migrate}.
   *
   * @returns The rows that the statement answers with (`RETURNING`), if any.
   * @throws {ConfigError} For SQL that writes to what is not the plugin's, or that replicas could not run alike.
   * @throws {MeshError} `not-leader`, …; `invalid-argument` with the database's words if it refuses.
   */
  write(statement: TableStatement, parameters: SqlParameters): Promise<SqlRows>;
}

/** Opens tables. */
export interface Tables {
  /** @throws {ConfigError} For SQL that makes or changes what is not the plugin's, or that replicas could not run alike. */
  open(schema: TableSchema): OwnTables;
}
