import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { encodeEntry, executionEntry } from "../../../core/state/codec.ts";
import { compareEngineVersions, EngineTooOldError } from "../../../core/state/engine_version.ts";
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
  assert.throws(() => StateMachine.open(sqlite("3.49.2"), image), EngineTooOldError);
  using old = StateMachine.open(sqlite("3.49.2"));
  assert.throws(() => old.restore(image), /requires SQLite 3\.50\.0 or newer and this program has 3\.49\.2/);
  assert.equal(old.appliedIndex, 0);
});

Deno.test("applyBatch: an older library stops at the entry that requires a newer one", () => {
  using mesh = newMesh(engine, { engineVersion: "3.50.0" });
  using old = StateMachine.open(sqlite("3.50.0"), mesh.machine.snapshot());
  const raise = encodeEntry(
    executionEntry("UPDATE mesh_state SET value = '3.50.1' WHERE key = 'engine_version'", {}),
  );
  const index = old.appliedIndex;
  assert.throws(() => old.applyBatch([{ index: index + 1, term: 1, data: raise }]), EngineTooOldError);
  assert.throws(() => old.rows("SELECT 1"), EngineTooOldError);
  assert.equal(old.appliedIndex, index);
});
