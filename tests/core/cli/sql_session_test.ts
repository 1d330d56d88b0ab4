/** Tests of the conversation are in `sql_test.ts`: here what it is made of. */
import assert from "node:assert/strict";
import { choose, readCount } from "../../../core/cli/sql_session.ts";

Deno.test("choose: one of the choices, or a sentence that names them", () => {
  assert.equal(choose("colour", "red", ["red", "blue"]), "red");
  assert.throws(() => choose("colour", "pink", ["red", "blue"]), /expected one of red, blue/);
});

Deno.test("readCount: digits only", () => {
  assert.equal(readCount("limit", "0"), 0);
  for (const text of ["", "-1", "1.5", "1e3", "9999999999"]) assert.throws(() => readCount("limit", text));
});
