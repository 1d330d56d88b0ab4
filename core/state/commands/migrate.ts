/**
 * Command: the next schema version. The first leader of a mesh proposes the first ones before anything else; later
 * leaders propose what the mesh lacks and the programs of all voters know.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import { assert } from "../../assert.ts";
import type { StateReader } from "../apply.ts";
import { executionEntry } from "../codec.ts";
import { migrationSql, SCHEMA_VERSION } from "../migrations.ts";
import { schemaVersion } from "../queries/schema_version.ts";
import { type Refusal, refusalIn } from "../refusal.ts";

/** `current` when another leader's entry made this version first: nothing changed and nothing is wrong. */
export type MigrateResult = { readonly kind: "migrated" } | { readonly kind: "current" } | Refusal;

/** The version to propose next; `undefined` if the database has version `last`, or has gone beyond it. */
export function nextMigration(reader: StateReader, last = SCHEMA_VERSION): number | undefined {
  const current = schemaVersion(reader);
  return current < last ? current + 1 : undefined;
}

/**
 * Leads from `version` - 1 to `version`; does nothing when the database is there already.
 *
 * @param migrations Others in tests only.
 */
export function migrateCommand(version: number, migrations?: readonly string[]): RaftLogEntry {
  const sql = migrationSql(version, migrations);
  assert(sql !== undefined, "Only known migrations are proposed");
  return executionEntry(sql, { version });
}

/** Reads the response to {@linkcode migrateCommand}. */
export function parseMigrateResult(response: RaftApplyResponse): MigrateResult {
  const refusal = refusalIn(response);
  if (!refusal) return { kind: "migrated" };
  return refusal.code === "schema-newer" ? { kind: "current" } : refusal;
}
