/**
 * The SQLite that the mesh requires (design §7): part of the replicated state since the mesh was made. A program with an older
 * library might give other results for the same entry, so it does not apply the log at all; a newer one reads what older
 * ones wrote, and the replicated tables hold nothing that versions print or round differently.
 *
 * @module
 */
import type { SqlDatabase } from "../seams/sql_database.ts";

/** This program's SQLite is older than the one that the mesh requires. Its state is untouched. */
export class EngineTooOldError extends Error {
  override readonly name = "EngineTooOldError";
}

/** The word by which an entry that may change the requirement is known. */
export const ENGINE_VERSION_KEY = "engine_version";

const HAS_STATE_SQL = "SELECT 1 FROM sqlite_schema WHERE name = 'mesh_state'";
const REQUIRED_SQL = `SELECT value FROM mesh_state WHERE key = '${ENGINE_VERSION_KEY}'`;

/**
 * Negative if `a` is older than `b`, positive if it is newer, 0 if they are one. Numbers with dots; parts that are missing
 * or no numbers count as 0. Never throws.
 */
export function compareEngineVersions(a: string, b: string): number {
  const [partsA, partsB] = [a, b].map((text) =>
    text.split(".").map((part) => /^[0-9]{1,9}$/.test(part) ? Number(part) : 0)
  );
  const count = Math.max(partsA?.length ?? 0, partsB?.length ?? 0);
  for (let at = 0; at < count; at++) {
    const difference = (partsA?.[at] ?? 0) - (partsB?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Holds the library to what the state in `database` requires; a mesh that does not exist yet requires nothing.
 *
 * @throws {EngineTooOldError} With both versions and what to do.
 */
export function requireEngine(version: string, database: SqlDatabase): void {
  if (database.run(HAS_STATE_SQL).rows.length === 0) return;
  const required = database.run(REQUIRED_SQL).rows[0]?.[0];
  if (typeof required !== "string" || compareEngineVersions(version, required) >= 0) return;
  throw new EngineTooOldError(
    `The mesh requires SQLite ${required} or newer and this program has ${version}: install a newer release of it`,
  );
}
