/**
 * Command: the next schema version. The first leader of a mesh proposes version 1 before anything else; later leaders
 * propose what their program has and the mesh lacks.
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

/**
 * The version to propose next; `undefined` if the database has all that this program knows. A database that is ahead of
 * the program needs a newer program: compare {@linkcode schemaVersion} with {@linkcode SCHEMA_VERSION}.
 */
export function nextMigration(reader: StateReader): number | undefined {
  const current = schemaVersion(reader);
  return current < SCHEMA_VERSION ? current + 1 : undefined;
}

/** Leads from `version` - 1 to `version`; does nothing when the database is there already. */
export function migrateCommand(version: number): RaftLogEntry {
  const sql = migrationSql(version);
  assert(sql !== undefined, "Only known migrations are proposed");
  return executionEntry(sql, { version });
}

/** Reads the response to {@linkcode migrateCommand}. */
export function parseMigrateResult(response: RaftApplyResponse): MigrateResult {
  const refusal = refusalIn(response);
  if (!refusal) return { kind: "migrated" };
  return refusal.code === "schema-newer" ? { kind: "current" } : refusal;
}
