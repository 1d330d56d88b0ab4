import assert from "node:assert/strict";
import { runVersion } from "../../../core/cli/version.ts";
import { RecordedOutput } from "./recorded_output.ts";

Deno.test("runVersion: version, commit, build date and Deno version", () => {
  const words = new RecordedOutput();
  runVersion(false, words.output);
  const version = `Deno ${Deno.version.deno}`;
  assert.match(words.out, /^weft \d+\.\d+\.\d+ \(commit \S+, built \S+, Deno \S+, linux\/\S+\)\n$/);
  assert(words.out.includes(version));
  const json = new RecordedOutput();
  runVersion(true, json.output);
  assert.deepEqual(Object.keys(json.json), [
    "schemaVersion",
    "version",
    "commit",
    "buildDate",
    "denoVersion",
    "platform",
  ]);
  assert.equal(json.json["denoVersion"], Deno.version.deno);
});
