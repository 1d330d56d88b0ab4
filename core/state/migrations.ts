/**
 * The numbered changes of the schema. A migration is a log entry like any other: the leader proposes the next one, every
 * replica runs it at the same index, and a joiner gets it by replication or with a snapshot.
 *
 * @module
 */
import { refuseSql } from "./refusal.ts";
import { SCHEMA_1_SQL, SCHEMA_2_SQL } from "./schema.ts";

/** The SQL of version n at index n - 1. Append only. */
export const MIGRATIONS: readonly string[] = [SCHEMA_1_SQL, SCHEMA_2_SQL];

/**
 * The newest version that this program knows. Its commands and queries must work with the version before it, too: a mesh gets
 * a new one only when all voters know it (`program_versions.ts`).
 */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * What must be there before version 1: a place for the version, and the way in which entries say no. A row written to the
 * view `refusal` fails the entry with the row's code; see `refusal.ts`.
 */
const GROUND_SQL = `
CREATE TABLE IF NOT EXISTS mesh_state (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS refusal (code) AS SELECT '' WHERE FALSE;
CREATE TRIGGER IF NOT EXISTS refuse INSTEAD OF INSERT ON refusal BEGIN
  SELECT RAISE(ABORT, 'refused: ' || NEW.code);
END;
INSERT INTO mesh_state (key, value) VALUES ('schema_version', '0') ON CONFLICT DO NOTHING;
`;

const CURRENT_SQL = "(SELECT CAST(value AS INTEGER) FROM mesh_state WHERE key = 'schema_version')";

/**
 * The whole text of the entry that leads from version `:version` - 1 to `:version`.
 *
 * @param migrations Others in tests only.
 */
export function migrationSql(version: number, migrations = MIGRATIONS): string | undefined {
  const change = migrations[version - 1];
  if (change === undefined) return undefined;
  return [
    GROUND_SQL,
    refuseSql("schema-newer", `WHERE ${CURRENT_SQL} >= :version`),
    refuseSql("schema-older", `WHERE ${CURRENT_SQL} < :version - 1`),
    change,
    "UPDATE mesh_state SET value = CAST(:version AS TEXT) WHERE key = 'schema_version';",
  ].join("\n");
}
