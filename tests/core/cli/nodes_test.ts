import assert from "node:assert/strict";
import { runNodes } from "../../../core/cli/nodes.ts";
import { FakeNode } from "./fake_node.ts";
import { RecordedOutput } from "./recorded_output.ts";

Deno.test("runNodes: a table, or JSON with the schema version first, in the node's order", async () => {
  await using node = await FakeNode.start({ nodes: () => [{ id: "a" }, { id: "b" }] });
  const table = new RecordedOutput();
  await runNodes({}, node.host, table.output);
  assert.match(table.out, /^NODE [^\n]*\na [^\n]*\nb [^\n]*\n$/);
  const json = new RecordedOutput();
  await runNodes({ json: true }, node.host, json.output);
  assert.deepEqual(Object.keys(json.json), ["schemaVersion", "nodes"]);
  assert.deepEqual((json.json["nodes"] as { id: string }[]).map(({ id }) => id), ["a", "b"]);
});
