import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { encodeEntry, executionEntry } from "../../../core/state/codec.ts";
import {
  commonVersions,
  compareEngineVersions,
  formatProgramVersions,
  parseProgramVersions,
  ProgramTooOldError,
  versionProblem,
} from "../../../core/state/program_versions.ts";
import { SCHEMA_VERSION } from "../../../core/state/migrations.ts";
import { newMesh } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();

function sqlite(version: string): typeof engine {
  return { version, open: (image) => engine.open(image) };
}

Deno.test("compareEngineVersions: by number, part after part", () => {
  const ordered = ["", "3", "3.9.9", "3.10", "3.10.1", "4.0.0"];
  ordered.forEach((a, i) =>
    ordered.forEach((b, j) => assert.equal(Math.sign(compareEngineVersions(a, b)), Math.sign(i - j), `${a} ${b}`))
  );
  assert.equal(compareEngineVersions("3.1", "3.1.0"), 0);
  assert.equal(compareEngineVersions("3.x", "3.0"), 0);
});

Deno.test("open, restore: an older library is refused and loses nothing, the same and newer ones go on", () => {
  using mesh = newMesh(engine, { engineVersion: "3.50.0" });
  const image = mesh.machine.snapshot();
  for (const version of ["3.50.0", "3.50.1", "4.0.0"]) StateMachine.open(sqlite(version), image)[Symbol.dispose]();
  assert.throws(() => StateMachine.open(sqlite("3.49.2"), image), ProgramTooOldError);
  using old = StateMachine.open(sqlite("3.49.2"));
  assert.throws(() => old.restore(image), /requires SQLite 3\.50\.0 or newer, and this program has 3\.49\.2/);
  assert.equal(old.appliedIndex, 0);
});

Deno.test("applyBatch: an older library stops at the entry that requires a newer one", () => {
  using mesh = newMesh(engine, { engineVersion: "3.50.0" });
  using old = StateMachine.open(sqlite("3.50.0"), mesh.machine.snapshot());
  const raise = encodeEntry(
    executionEntry("UPDATE mesh_state SET value = '3.50.1' WHERE key = 'engine_version'", {}),
  );
  const index = old.appliedIndex;
  assert.throws(() => old.applyBatch([{ index: index + 1, term: 1, data: raise }]), ProgramTooOldError);
  assert.throws(() => old.rows("SELECT 1"), ProgramTooOldError);
  assert.equal(old.appliedIndex, index);
});

Deno.test("applyBatch: a program stops at the entry that leads to a schema it does not know, and does not open it", () => {
  using mesh = newMesh(engine);
  using old = StateMachine.open(engine, mesh.machine.snapshot());
  const next = encodeEntry(
    executionEntry("UPDATE mesh_state SET value = :next WHERE key = 'schema_version'", {
      next: `${SCHEMA_VERSION + 1}`,
    }),
  );
  const entry = { index: old.appliedIndex + 1, term: 1, data: next };
  assert.throws(() => old.applyBatch([entry]), ProgramTooOldError);
  using current = StateMachine.open(engine, mesh.machine.snapshot(), SCHEMA_VERSION + 1);
  current.applyBatch([entry]);
  const image = current.snapshot();
  assert.throws(
    () => StateMachine.open(engine, image),
    /knows schema version 3, and this program knows up to 2: install/,
  );
  StateMachine.open(engine, image, SCHEMA_VERSION + 2)[Symbol.dispose]();
});

Deno.test("commonVersions: the oldest of each, nothing while one has not said", () => {
  const old = { engine: "3.9.0", schema: 7 };
  const other = { engine: "3.10.0", schema: 5 };
  assert.deepEqual(commonVersions([other, old]), { engine: "3.9.0", schema: 5 });
  assert.deepEqual(commonVersions([old]), old);
  assert.equal(commonVersions([old, undefined]), undefined);
  assert.equal(commonVersions([undefined, old]), undefined);
  assert.equal(commonVersions([]), undefined);
});

Deno.test("versionProblem: names both versions", () => {
  const required = { engine: "3.10", schema: 3 };
  assert.equal(versionProblem({ engine: "3.10.0", schema: 3 }, required, "it"), undefined);
  assert.equal(
    versionProblem({ engine: "3.9", schema: 9 }, required, "it"),
    "The mesh requires SQLite 3.10 or newer, and it has 3.9",
  );
  assert.match(
    versionProblem({ engine: "4", schema: 2 }, required, "it") ?? "",
    /schema version 3, and it knows up to 2/,
  );
});

Deno.test("parseProgramVersions: reads what formatProgramVersions writes, and nothing else", () => {
  const versions = { engine: "3.54.1", schema: 2 };
  assert.deepEqual(parseProgramVersions(formatProgramVersions(versions)), versions);
  const bad = ["", "/", "3.1", "3.1/", "/2", "3.1/0", "3.1/02", "3.1/-1", "3.1/2/3", "3..1/2", "a/2", "3.1/1234567890"];
  for (const text of [...bad, "1.2.3.4.5/2", "1234567890/2", "3.1/2 ", "3.1\n/2"]) {
    assert.equal(parseProgramVersions(text), undefined, text);
  }
});
