/**
 * What the benchmarked service is asked by name, and the SQL behind it, which rqlite is given too.
 *
 * @module
 */

/** Paths of the two methods. */
export const PUT_PATH = "/bench.Kv/Put";
/** See {@linkcode PUT_PATH}. */
export const GET_PATH = "/bench.Kv/Get";

/** The table. */
export const TABLE_SQL = "CREATE TABLE bench_kv (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, " +
  "version INTEGER NOT NULL) STRICT, WITHOUT ROWID";
/** One upsert, which counts how often its key was written. */
export const UPSERT_SQL = "INSERT INTO bench_kv (key, value, version) VALUES (:key, :value, 1) " +
  "ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = version + 1";
/** A value and how often it was written. */
export const SELECT_SQL = "SELECT value, version FROM bench_kv WHERE key = :key";
