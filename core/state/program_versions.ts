/**
 * What a program must be able to do to take part in a mesh (design §7): its SQLite must not be older than the one that the
 * mesh requires, and it must know the mesh's schema. Both requirements are replicated state. An older SQLite might give
 * other results for the same entry, and a program that does not know the tables would read them wrong, so neither applies
 * the log at all. A newer SQLite reads what older ones wrote, and the replicated tables hold nothing that versions print or
 * round differently; a newer program works with the older schema until the mesh has the newer one.
 *
 * Every node says what its program has (the table `node_versions`), and the requirements rise only to what every voter has
 * said. Learners do not hold the mesh back: no majority counts on them, and a replica that serves nothing but itself must not
 * decide when the others may go on. One that is too old stops, says why, and goes on with a newer program.
 *
 * @module
 */
import type { SqlDatabase, SqlRows } from "../seams/sql_database.ts";

/** What a program has, or what is required of one. */
export interface ProgramVersions {
  /** Of SQLite, numbers with dots. */
  readonly engine: string;
  /** The newest version of the replicated schema that it knows, 0 for none. */
  readonly schema: number;
}

/** What the requirements are read from. */
interface StateRows {
  rows(sql: string): SqlRows;
}

/** This program is older than the mesh requires. Its state is untouched. */
export class ProgramTooOldError extends Error {
  override readonly name = "ProgramTooOldError";
}

/** Since this version of the schema there is a place for what nodes say of their programs. */
export const ANNOUNCED_SINCE_SCHEMA = 2;

const ENGINE_PATTERN = /^[0-9]{1,9}(\.[0-9]{1,9}){0,3}$/;
const HAS_STATE_SQL = "SELECT 1 FROM sqlite_schema WHERE name = 'mesh_state'";
const REQUIRED_SQL = "SELECT key, value FROM mesh_state WHERE key IN ('engine_version', 'schema_version')";

/** True if an entry with this text may change what is required. */
export function mayRaiseRequirement(sql: string): boolean {
  return sql.includes("engine_version") || sql.includes("schema_version");
}

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

/** Why `who` with `versions` cannot take part where `required` is, a sentence; `undefined` if it can. */
export function versionProblem(versions: ProgramVersions, required: ProgramVersions, who: string): string | undefined {
  if (compareEngineVersions(versions.engine, required.engine) < 0) {
    return `The mesh requires SQLite ${required.engine} or newer, and ${who} has ${versions.engine}`;
  }
  if (versions.schema < required.schema) {
    return `The mesh requires a program that knows schema version ${required.schema}, and ${who} knows up to ` +
      versions.schema;
  }
  return undefined;
}

/** What the state requires; a mesh that does not exist yet requires nothing. */
export function requiredVersions(reader: StateRows): ProgramVersions {
  const rows = reader.rows(HAS_STATE_SQL).rows.length === 0 ? [] : reader.rows(REQUIRED_SQL).rows;
  const values = new Map(rows.map(([key, value]) => [key, String(value)]));
  return { engine: values.get("engine_version") ?? "0", schema: Number(values.get("schema_version") ?? 0) };
}

/**
 * Holds the program to what the state in `database` requires.
 *
 * @throws {ProgramTooOldError} With both versions and what to do.
 */
export function requireProgram(versions: ProgramVersions, database: SqlDatabase): void {
  const reader: StateRows = { rows: (sql) => database.run(sql) };
  const problem = versionProblem(versions, requiredVersions(reader), "this program");
  if (problem !== undefined) throw new ProgramTooOldError(`${problem}: install a newer release of it`);
}

/** What every one of `all` has; `undefined` if one has not said what it has, or there is none. */
export function commonVersions(all: readonly (ProgramVersions | undefined)[]): ProgramVersions | undefined {
  let common = all[0];
  for (const versions of all) {
    if (!versions || !common) return undefined;
    const engine = compareEngineVersions(versions.engine, common.engine) < 0 ? versions.engine : common.engine;
    common = { engine, schema: Math.min(versions.schema, common.schema) };
  }
  return common;
}

/** True if both say the same. */
export function sameVersions(a: ProgramVersions | undefined, b: ProgramVersions | undefined): boolean {
  return a?.engine === b?.engine && a?.schema === b?.schema;
}

/** `ENGINE/SCHEMA`, as it is sent with a Join. */
export function formatProgramVersions({ engine, schema }: ProgramVersions): string {
  return `${engine}/${schema}`;
}

/** Reads {@linkcode formatProgramVersions}; `undefined` for anything else. Never throws. */
export function parseProgramVersions(text: string): ProgramVersions | undefined {
  const [engine = "", schema = "", ...rest] = text.split("/", 3);
  if (!ENGINE_PATTERN.test(engine) || !/^[1-9][0-9]{0,8}$/.test(schema) || rest.length > 0) return undefined;
  return { engine, schema: Number(schema) };
}
