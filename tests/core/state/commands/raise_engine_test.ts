import { strict as assert } from "node:assert";
import { InvariantError } from "../../../../core/assert.ts";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { raiseEngineCommand } from "../../../../core/state/commands/raise_engine.ts";
import { requiredVersions } from "../../../../core/state/program_versions.ts";
import { newMesh } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("raiseEngineCommand: raises from what it was, once, and never lowers", () => {
  using mesh = newMesh(engine, { engineVersion: "3.40.0" });
  const required = () => mesh.machine.read(requiredVersions).engine;
  mesh.apply(raiseEngineCommand("3.39.0", "3.50.0"));
  assert.equal(required(), "3.40.0", "decided on another state");
  mesh.apply(raiseEngineCommand("3.40.0", "3.50.0"));
  mesh.apply(raiseEngineCommand("3.40.0", "3.41.0"));
  assert.equal(required(), "3.50.0");
  assert.throws(() => raiseEngineCommand("3.50.0", "3.9.0"), InvariantError);
  assert.throws(() => raiseEngineCommand("3.50.0", "3.50.0"), InvariantError);
});
