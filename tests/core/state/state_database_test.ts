import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import type { SqlDatabase } from "../../../core/seams/sql_database.ts";
import { SCHEMA_VERSION } from "../../../core/state/migrations.ts";
import { ProgramTooOldError } from "../../../core/state/program_versions.ts";
import { openImage, prepare, READ_APPLIED_SQL, StateImageError } from "../../../core/state/state_database.ts";
import { newMesh } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();
const VERSIONS = { engine: engine.version, schema: SCHEMA_VERSION };

function one(database: SqlDatabase, sql: string): unknown {
  return database.run(sql).rows[0]?.[0];
}

Deno.test("prepare: nothing is applied, and what was applied stays", () => {
  using database = prepare(engine.open());
  assert.deepEqual(database.run(READ_APPLIED_SQL).rows, [[0, 0]]);
  using mesh = newMesh(engine);
  using filled = openImage(engine, VERSIONS, mesh.machine.snapshot());
  assert.deepEqual(prepare(filled).run(READ_APPLIED_SQL).rows, [[mesh.machine.appliedIndex, mesh.machine.appliedTerm]]);
});

Deno.test("prepare, openImage: the same settings, whatever an image was made with", () => {
  using made = prepare(engine.open());
  made.run("CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT");
  made.run("CREATE TABLE child (id INTEGER REFERENCES parent (id)) STRICT");
  made.run("PRAGMA foreign_keys = off");
  using opened = openImage(engine, undefined, made.export());
  for (const [pragma, value] of [["foreign_keys", 1], ["recursive_triggers", 1], ["trusted_schema", 0]] as const) {
    assert.equal(one(opened, `PRAGMA ${pragma}`), value, pragma);
  }
  assert.throws(() => opened.run("INSERT INTO child (id) VALUES (7)"), /FOREIGN KEY/);
});

Deno.test("openImage: a database that is not one of a state machine is refused", () => {
  using none = engine.open();
  none.run("CREATE TABLE t (k INTEGER)");
  assert.throws(() => openImage(engine, undefined, none.export()), StateImageError);
  assert.throws(() => openImage(engine, undefined, new Uint8Array(100)), {
    name: "StateImageError",
    message: /^State image is not usable: /,
  });
});

Deno.test("openImage: a program that the mesh does not take any more is told so, a backup is asked nothing", () => {
  using mesh = newMesh(engine);
  const image = mesh.machine.snapshot();
  const old = { ...VERSIONS, schema: SCHEMA_VERSION - 1 };
  assert.throws(() => openImage(engine, old, image), ProgramTooOldError);
  openImage(engine, undefined, image)[Symbol.dispose]();
});
