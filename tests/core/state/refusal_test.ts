import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { entryResponse, executionEntry, executionResponse, sqlErrorResponse } from "../../../core/state/codec.ts";
import { refusal, refusalIn, refuseSql } from "../../../core/state/refusal.ts";
import { migratedMesh } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("refuseSql: fails the entry where its condition yields a row, and undoes what came before", () => {
  using mesh = migratedMesh(engine);
  const before = mesh.contents();
  const entry = (condition: string) =>
    executionEntry(
      `INSERT INTO mesh_state (key, value) VALUES ('a', 'b'); ${refuseSql("id-taken", condition)}`,
      {},
    );
  assert.deepEqual(refusalIn(mesh.apply(entry("WHERE TRUE"))), refusal("id-taken"));
  assert.deepEqual(mesh.contents(), before);
  assert.equal(refusalIn(mesh.apply(entry("WHERE FALSE"))), undefined);
  assert.notDeepEqual(mesh.contents(), before);
});

Deno.test("refusalIn: tells refusals from failures and from success", () => {
  assert.equal(refusalIn(executionResponse(1)), undefined);
  assert.equal(refusalIn(entryResponse()), undefined);
  assert.equal(refusalIn(sqlErrorResponse("query", "refused: ipv4-exhausted"))?.reason, "exhausted");
  for (const error of ["no such table: nodes", "refused: nonsense", "refused: toString", "ipv4-exhausted"]) {
    const failure = refusalIn(sqlErrorResponse("execution", error));
    assert.deepEqual([failure?.code, failure?.reason], ["failed", "precondition"], error);
  }
  for (const response of [entryResponse("Entry is too long"), sqlErrorResponse("query", "SQL text is too long")]) {
    const failure = refusalIn(response);
    assert.deepEqual([failure?.code, failure?.reason], ["not-allowed", "invalid-argument"]);
  }
});

Deno.test("refusal: has a reason and a sentence", () => {
  assert.deepEqual(refusal("node-missing"), {
    kind: "refused",
    code: "node-missing",
    reason: "not-found",
    message: "No node of the mesh has this id and key",
  });
});
