import { strict as assert } from "node:assert";
import { InvariantError } from "../../../../core/assert.ts";
import { integer, optionalInteger, text } from "../../../../core/state/queries/cells.ts";

Deno.test("text, integer, optionalInteger: give what the schema promises", () => {
  assert.deepEqual([text("a"), integer(1), optionalInteger(2), optionalInteger(null)], ["a", 1, 2, undefined]);
});

Deno.test("text, integer, optionalInteger: anything else is a bug", () => {
  for (const cell of [null, 1, new Uint8Array(), undefined]) assert.throws(() => text(cell), InvariantError);
  for (const cell of [null, "1", undefined]) assert.throws(() => integer(cell), InvariantError);
  for (const cell of ["1", undefined]) assert.throws(() => optionalInteger(cell), InvariantError);
});
