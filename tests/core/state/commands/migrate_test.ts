import { strict as assert } from "node:assert";
import { InvariantError } from "../../../../core/assert.ts";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { StateMachine } from "../../../../core/state/apply.ts";
import { executionEntry } from "../../../../core/state/codec.ts";
import { joinCommand, parseJoinResult } from "../../../../core/state/commands/join_node.ts";
import { migrateCommand, nextMigration, parseMigrateResult } from "../../../../core/state/commands/migrate.ts";
import { migrationSql, SCHEMA_VERSION } from "../../../../core/state/migrations.ts";
import { schemaVersion } from "../../../../core/state/queries/schema_version.ts";
import { refusal } from "../../../../core/state/refusal.ts";
import { joiner, Mesh, migratedMesh } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("migrateCommand: leads a new state machine version by version to the last", () => {
  using mesh = new Mesh(StateMachine.open(engine));
  for (let version = 1; version <= SCHEMA_VERSION; version++) {
    assert.equal(mesh.machine.read(nextMigration), version);
    assert.deepEqual(parseMigrateResult(mesh.apply(migrateCommand(version))), { kind: "migrated" });
    assert.equal(mesh.machine.read(schemaVersion), version);
  }
  assert.equal(mesh.machine.read(nextMigration), undefined);
});

Deno.test("migrateCommand: a version that is there already changes nothing", () => {
  using mesh = migratedMesh(engine);
  const before = mesh.contents();
  assert.deepEqual(parseMigrateResult(mesh.apply(migrateCommand(1))), { kind: "current" });
  assert.deepEqual(mesh.contents(), before);
  assert.equal(mesh.machine.read(schemaVersion), SCHEMA_VERSION);
});

Deno.test("migrateCommand: a version is never left out", () => {
  using mesh = new Mesh(StateMachine.open(engine));
  const skipping = executionEntry(migrationSql(1) ?? "", { version: 2 });
  assert.deepEqual(parseMigrateResult(mesh.apply(skipping)), refusal("schema-older"));
  assert.equal(mesh.machine.read(schemaVersion), 0);
});

Deno.test("migrateCommand: proposes only what the program knows", () => {
  assert.throws(() => migrateCommand(SCHEMA_VERSION + 1), InvariantError);
});

Deno.test("migrateCommand: before it, commands fail and change nothing", () => {
  using mesh = new Mesh(StateMachine.open(engine));
  const result = parseJoinResult(mesh.apply(joinCommand(joiner(1))));
  assert.deepEqual([result.kind, result.kind === "refused" && result.code], ["refused", "failed"]);
  assert.equal(mesh.machine.read(schemaVersion), 0);
});
