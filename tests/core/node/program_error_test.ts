import assert from "node:assert/strict";
import { programError } from "../../../core/node/program_error.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { ProgramTooOldError } from "../../../core/state/program_versions.ts";

Deno.test("programError: says what to install; other errors stay what they are", () => {
  const error = programError(new ProgramTooOldError("The mesh requires more"));
  assert(error instanceof ConfigError);
  assert.equal(error.message, "The mesh requires more");
  assert.match(error.hint ?? "", /install the release/);
  const other = new TypeError("x");
  assert.equal(programError(other), other);
});
