/**
 * The database that a state machine works on: its settings, its one table of bookkeeping, and images of it.
 *
 * @module
 */
import { type SqlDatabase, type SqlEngine, SqlError } from "../seams/sql_database.ts";
import { APPLIED_TABLE } from "./determinism.ts";
import { ProgramTooOldError, type ProgramVersions, requireProgram } from "./program_versions.ts";

/** An image that is not a database of this state machine; the state is as it was. */
export class StateImageError extends Error {
  override readonly name = "StateImageError";
}

/** Connection settings are not part of an image: the same at every open, on every replica. */
const PRAGMAS_SQL = [
  // The database is rebuilt from snapshot and log; the rollback journal is only for savepoints.
  "PRAGMA journal_mode = memory",
  "PRAGMA synchronous = off",
  "PRAGMA locking_mode = exclusive",
  "PRAGMA temp_store = memory",
  "PRAGMA foreign_keys = on",
  "PRAGMA recursive_triggers = on",
  "PRAGMA trusted_schema = off",
  "PRAGMA cell_size_check = on",
].join(";\n");

/** The state machine's own bookkeeping: the one table that is not made by a log entry. */
const BOOKKEEPING_SQL = `
CREATE TABLE IF NOT EXISTS ${APPLIED_TABLE} (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  log_index INTEGER NOT NULL,
  log_term INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO ${APPLIED_TABLE} (id, log_index, log_term) VALUES (1, 0, 0) ON CONFLICT DO NOTHING`;

/** How far the database is: index and term of the last entry applied. */
export const READ_APPLIED_SQL = `SELECT log_index, log_term FROM ${APPLIED_TABLE}`;

/** Makes an empty database one that a state machine can work on. */
export function prepare(database: SqlDatabase): SqlDatabase {
  database.run(PRAGMAS_SQL);
  database.run(BOOKKEEPING_SQL);
  return database;
}

/**
 * Opens and checks an image, also that a program with `versions` may use it, before anything is given up for it.
 *
 * @throws {StateImageError} If `image` is damaged or something else.
 * @throws {ProgramTooOldError} If the mesh requires a newer program.
 */
export function openImage(engine: SqlEngine, versions: ProgramVersions | undefined, image: Uint8Array): SqlDatabase {
  let database: SqlDatabase | undefined;
  try {
    database = engine.open(image);
    database.run(PRAGMAS_SQL);
    const verdict = database.run("PRAGMA quick_check(1)").rows[0]?.[0];
    const applied = database.run(READ_APPLIED_SQL).rows;
    if (verdict !== "ok" || applied.length !== 1) throw new SqlError(`quick check says ${verdict}`);
    if (versions) requireProgram(versions, database);
    return database;
  } catch (error) {
    database?.[Symbol.dispose]();
    if (error instanceof ProgramTooOldError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new StateImageError(`State image is not usable: ${why}`, { cause: error });
  }
}
