import assert from "node:assert/strict";
import { UsageError } from "../../../core/cli/exit.ts";
import { styleFor } from "../../../core/cli/format.ts";
import { JSON_SCHEMA_VERSION } from "../../../core/cli/output.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import { RecordedOutput } from "./recorded_output.ts";

Deno.test("Output.json: starts with the schema version", () => {
  const recorded = new RecordedOutput();
  recorded.output.json({ id: "a" });
  assert.equal(recorded.out, '{\n  "schemaVersion": 1,\n  "id": "a"\n}\n');
  assert.equal(JSON_SCHEMA_VERSION, 1);
  assert.equal(recorded.err, "");
});

Deno.test("Output.lines: one line each, and nothing for none", () => {
  const recorded = new RecordedOutput();
  recorded.output.lines([]);
  recorded.output.lines(["a", "b"]);
  assert.equal(recorded.out, "a\nb\n");
});

Deno.test("Output.failure: what failed and what to run next, on standard error", () => {
  const recorded = new RecordedOutput();
  recorded.output.failure(new UsageError("it\nfailed \u001b[2J", "do this"), false);
  assert.equal(recorded.err, "error: it failed ?[2J\nnext: do this\n");
  assert.equal(recorded.out, "");
});

Deno.test("Output.failure: without a hint there is one line", () => {
  const recorded = new RecordedOutput();
  recorded.output.failure(new UsageError("it failed"), false);
  assert.equal(recorded.err, "error: it failed\n");
});

Deno.test("Output.failure: as JSON it is one line with the exit code", () => {
  const recorded = new RecordedOutput();
  recorded.output.failure(new MeshError("timeout", "too\u009b late", { hint: "wait" }), true);
  assert.equal(recorded.err, '{"schemaVersion":1,"code":6,"error":"too\\u009b late","hint":"wait"}\n');
  assert.deepEqual(JSON.parse(recorded.err), { schemaVersion: 1, code: 6, error: "too\u009b late", hint: "wait" });
});

Deno.test("Output.failure: colours only the words in front", () => {
  const style = styleFor(true);
  const recorded = new RecordedOutput({ style, columns: 80 });
  recorded.output.failure(new UsageError("it failed", "do this"), false);
  assert.equal(recorded.err, `${style.red("error:")} it failed\n${style.bold("next:")} do this\n`);
});
