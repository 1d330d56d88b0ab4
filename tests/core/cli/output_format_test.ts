import assert from "node:assert/strict";
import { UsageError } from "../../../core/cli/exit.ts";
import { asksForJson, wantsJson } from "../../../core/cli/output_format.ts";

Deno.test("wantsJson: -w and --json mean the same, and must not contradict each other", () => {
  assert.equal(wantsJson({}), false);
  assert.equal(wantsJson({ json: true }), true);
  assert.equal(wantsJson({ output: "json" }), true);
  assert.equal(wantsJson({ output: "json", json: true }), true);
  assert.equal(wantsJson({ output: "table" }), false);
  assert.throws(() => wantsJson({ output: "table", json: true }), UsageError);
  assert.throws(() => wantsJson({ output: "yaml" }), /expected table or json/);
});

Deno.test("asksForJson: in every way to write it, also on a line that is wrong elsewhere", () => {
  for (const line of ["--json", "x -w json", "-wjson --nonsense", "--output json", "--output=json"]) {
    assert.equal(asksForJson(line.split(" ")), true, line);
  }
  for (const line of ["", "json", "-w table json"]) assert.equal(asksForJson(line.split(" ")), false, line);
});
