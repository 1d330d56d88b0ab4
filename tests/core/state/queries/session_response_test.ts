import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { StateMachine } from "../../../../core/state/apply.ts";
import { encodeEntry, executionEntry } from "../../../../core/state/codec.ts";
import { sessionResponse } from "../../../../core/state/queries/session_response.ts";
import { migratedMesh } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("sessionResponse: what the write answered, once it has run", () => {
  using mesh = migratedMesh(engine);
  const session = { clientId: "a", sequence: 1 };
  assert.equal(mesh.machine.read((reader) => sessionResponse(reader, session)), undefined);
  const response = mesh.applyBytes(
    encodeEntry(executionEntry("INSERT INTO mesh_state VALUES ('x', 'y')", {}), session),
  );
  assert.deepEqual(mesh.machine.read((reader) => sessionResponse(reader, session)), response);
});

Deno.test("sessionResponse: nothing where the schema has no sessions", () => {
  using machine = StateMachine.open(engine);
  assert.equal(machine.read((reader) => sessionResponse(reader, { clientId: "a", sequence: 1 })), undefined);
});
