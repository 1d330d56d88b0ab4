/**
 * A backup takes the place of the state (`weft restore`): a run of log entries that bring the image in parts, and one that
 * commits it, the same on every replica.
 *
 * The parts wait in a table of the state, so that a replica may be stopped, or be sent a snapshot, between two of them.
 *
 * What a mesh is now is not in its past: who belongs to it, with what addresses and numbers, under what id and in what
 * networks, stays as it is. Nodes of the backup that are not in the mesh are left out; their leases are taken over as
 * released, so that they get their addresses back if they join again. Everything else is the backup's.
 *
 * @module
 */
import { sha256 } from "../crypto/sha256.ts";
import { type SqlDatabase, SqlError, type SqlParameters, type SqlValue } from "../seams/sql_database.ts";
import { RESTORE_TABLE } from "./determinism.ts";
import { meshOrigin } from "./mesh_epoch.ts";
import { RESTORE_PART_BYTES_MAX, RESTORE_PART_COUNT_MAX } from "./limits.ts";

/** A piece of the image. */
export interface RestorePart {
  readonly kind: "restore-part";
  /** Names the run of entries. */
  readonly id: string;
  readonly position: number;
  readonly data: Uint8Array;
}

/** The image is complete. */
export interface RestoreCommit {
  readonly kind: "restore-commit";
  readonly id: string;
  readonly partCount: number;
  /** Of the image, hexadecimal. */
  readonly sha256: string;
  /** Also if it is an image of another mesh. */
  readonly force: boolean;
  readonly nowMs: number;
}

type Run = SqlDatabase["run"];

const CREATE_SQL = `
CREATE TABLE IF NOT EXISTS ${RESTORE_TABLE} (
  position INTEGER NOT NULL PRIMARY KEY,
  restore_id TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT, WITHOUT ROWID;
DELETE FROM ${RESTORE_TABLE}`;
const COUNT_SQL = `SELECT count(*) FROM ${RESTORE_TABLE} WHERE restore_id = :id`;
const INSERT_SQL = `INSERT INTO ${RESTORE_TABLE} (position, restore_id, data) VALUES (:position, :id, :data)`;
const PART_SQL = `SELECT data FROM ${RESTORE_TABLE} WHERE restore_id = :id AND position = :position`;
const DROP_SQL = `DROP TABLE IF EXISTS ${RESTORE_TABLE}`;
const HAS_TABLE_SQL = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = :name";

/** Keeps a part. @returns Why it is not kept, a sentence; `undefined` if it is. */
export function keepRestorePart(run: Run, { id, position, data }: RestorePart): string | undefined {
  if (data.length > RESTORE_PART_BYTES_MAX) return "Part of the backup is too large";
  if (position >= RESTORE_PART_COUNT_MAX) return "Backup is too large";
  if (position === 0) run(CREATE_SQL);
  else if (keptCount(run, id) !== position) return "Restore was interrupted by another one";
  run(INSERT_SQL, { id, position, data: data.toBase64() });
  return undefined;
}

/** Puts the parts together and lets go of them. @returns The image, or why there is none, a sentence. */
export function takeRestoredImage(run: Run, { id, partCount, ...commit }: RestoreCommit): Uint8Array | string {
  if (keptCount(run, id) !== partCount || partCount === 0) return "Restore was interrupted by another one";
  const parts = Array.from({ length: partCount }, (_, position) => {
    const [text] = run(PART_SQL, { id, position }).rows[0] ?? [];
    return Uint8Array.fromBase64(String(text));
  });
  run(DROP_SQL);
  const image = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    image.set(part, offset);
    offset += part.length;
  }
  return sha256(image).toHex() === commit.sha256 ? image : "Backup does not have its checksum";
}

/**
 * Makes `image` the state that follows `current`: see the module. Both stay the caller's.
 *
 * @returns Why it cannot be, a sentence; `image` is of no use then.
 */
export function adoptImage(current: SqlDatabase, image: SqlDatabase, commit: RestoreCommit): string | undefined {
  try {
    image.run("BEGIN");
    const problem = adopt(current, image, commit);
    image.run(problem === undefined ? "COMMIT" : "ROLLBACK");
    return problem;
  } catch (error) {
    if (error instanceof SqlError) return `Backup does not fit this mesh: ${error.message}`;
    throw error;
  }
}

function adopt(current: SqlDatabase, image: SqlDatabase, { force, nowMs }: RestoreCommit): string | undefined {
  image.run(DROP_SQL);
  const now = meshState(current);
  const then = meshState(image);
  if (!now.has("mesh_id")) return "This mesh has no state yet";
  if (!then.has("mesh_id")) return "Backup is not of a mesh";
  if (!force && origin(now) !== origin(then)) return "Backup is of another mesh";
  const schema = Number(then.get("schema_version"));
  if (schema > Number(now.get("schema_version"))) return "Backup has a newer schema";
  keepMeshState(image, now, then);
  keepNodes(current, image);
  keepLeases(current, image, then, now, nowMs);
  keepTable(current, image, "sessions");
  keepTable(current, image, "node_versions");
  return undefined;
}

/** A backup from before a recovery is of the same mesh. */
function origin(state: ReadonlyMap<string, string>): string {
  return meshOrigin(state.get("mesh_id") ?? "");
}

/** All facts of the mesh but the version of the tables, which are the backup's. Numbers are never given twice. */
function keepMeshState(image: SqlDatabase, now: ReadonlyMap<string, string>, then: ReadonlyMap<string, string>): void {
  image.run("DELETE FROM mesh_state WHERE key <> 'schema_version'");
  const nextRaftId = Math.max(Number(now.get("next_raft_id")), Number(then.get("next_raft_id")));
  for (const [key, value] of now) {
    if (key === "schema_version") continue;
    insert(image, "mesh_state", { key, value: key === "next_raft_id" ? `${nextRaftId}` : value });
  }
}

/** What hangs on nodes that stay must stay, too: rows are changed in place, and only those of strangers go. */
function keepNodes(current: SqlDatabase, image: SqlDatabase): void {
  const members = records(current, "nodes");
  const keys = new Map(members.map(({ id, public_key }) => [id, public_key]));
  for (const { id, public_key } of records(image, "nodes")) {
    if (keys.get(id) !== public_key) image.run("DELETE FROM nodes WHERE id = :id", { id: id ?? "" });
  }
  // Out of the way: two nodes may have changed numbers between the backup and now.
  image.run("UPDATE nodes SET raft_id = raft_id + 1099511627776");
  const columns = columnsOf(image, "nodes");
  const updates = columns.map((name) => `${name} = excluded.${name}`).join(", ");
  for (const member of members) insert(image, "nodes", member, `ON CONFLICT (id) DO UPDATE SET ${updates}`);
}

function keepLeases(
  current: SqlDatabase,
  image: SqlDatabase,
  then: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
  nowMs: number,
): void {
  const old = records(image, "leases");
  image.run("DELETE FROM leases");
  keepTable(current, image, "pools");
  for (const lease of records(current, "leases")) insert(image, "leases", lease);
  for (const lease of old) {
    // Numbers of another network mean other addresses.
    const network = lease["pool"] === "ipv4" ? "ipv4_network" : "ula_network";
    if (then.get(network) !== now.get(network)) continue;
    insert(image, "leases", { ...lease, released_at_ms: lease["released_at_ms"] ?? nowMs }, "ON CONFLICT DO NOTHING");
  }
}

/** The rows of now, as far as the backup has a place for them. */
function keepTable(current: SqlDatabase, image: SqlDatabase, table: string): void {
  if (!hasTable(image, table)) return;
  image.run(`DELETE FROM ${table}`);
  if (!hasTable(current, table)) return;
  for (const row of records(current, table)) insert(image, table, row);
}

function meshState(database: SqlDatabase): Map<string, string> {
  if (!hasTable(database, "mesh_state")) return new Map();
  const { rows } = database.run("SELECT key, value FROM mesh_state ORDER BY key");
  return new Map(rows.map(([key, value]) => [String(key), String(value)]));
}

function hasTable(database: SqlDatabase, name: string): boolean {
  return database.run(HAS_TABLE_SQL, { name }).rows.length > 0;
}

function keptCount(run: Run, id: string): number {
  if (run(HAS_TABLE_SQL, { name: RESTORE_TABLE }).rows.length === 0) return 0;
  return Number(run(COUNT_SQL, { id }).rows[0]?.[0]);
}

type Row = Readonly<Record<string, SqlValue>>;

/** Rows by column name, in the order of their keys. */
function records(database: SqlDatabase, table: string): Row[] {
  const { columns, rows } = database.run(`SELECT * FROM ${table} ORDER BY 1, 2`);
  return rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null])));
}

function columnsOf(database: SqlDatabase, table: string): string[] {
  return database.run("SELECT name FROM pragma_table_info(:table) ORDER BY cid", { table }).rows
    .map(([name]) => String(name));
}

/** Inserts what the table has columns for. */
function insert(database: SqlDatabase, table: string, row: Row, conflict = ""): void {
  const columns = columnsOf(database, table).filter((name) => name in row);
  const parameters: SqlParameters = Object.fromEntries(columns.map((name) => [name, row[name] ?? null]));
  const values = columns.map((name) => `:${name}`).join(", ");
  database.run(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${values}) ${conflict}`, parameters);
}
