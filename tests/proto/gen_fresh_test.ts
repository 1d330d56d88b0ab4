/**
 * The checked-in `proto/gen/` is what the `.proto` files give.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  differingFiles,
  type FileTree,
  generate,
  generatedFolder,
  GeneratorMissingError,
  readTree,
} from "../../proto/generate.ts";

/** `undefined`, with the reason printed, where buf cannot be had. */
async function generateIfPossible(): Promise<FileTree | undefined> {
  try {
    return await generate();
  } catch (error) {
    if (!(error instanceof GeneratorMissingError)) throw error;
    console.log(`skipped: ${error.message}`);
    return undefined;
  }
}

const fresh = await generateIfPossible();

Deno.test({
  name: "proto/gen: is fresh",
  ignore: fresh === undefined,
  async fn() {
    assert(fresh);
    assert.deepEqual(differingFiles(fresh, await readTree(generatedFolder)), []);
  },
});

Deno.test("differingFiles: finds changed, missing and superfluous files", () => {
  const one = new Map([["same", "1"], ["changed", "1"], ["missing", "1"]]);
  const other = new Map([["same", "1"], ["changed", "2"], ["superfluous", "1"]]);
  assert.deepEqual(differingFiles(one, other), ["changed", "missing", "superfluous"]);
});

Deno.test("readTree: a folder that does not exist is empty", async () => {
  assert.equal((await readTree(new URL("./no_such_folder/", import.meta.url))).size, 0);
});
