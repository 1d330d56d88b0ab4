import assert from "node:assert/strict";
import { runLeave } from "../../../core/cli/leave.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import { FakeNode } from "./fake_node.ts";
import { RecordedOutput } from "./recorded_output.ts";

Deno.test("runLeave: says so when the node has left, in words or as JSON", async () => {
  let count = 0;
  await using node = await FakeNode.start({ leave: () => void count++ });
  const words = new RecordedOutput();
  await runLeave({}, node.host, words.output);
  assert.match(words.out, /^Left the mesh/);
  const json = new RecordedOutput();
  await runLeave({ json: true }, node.host, json.output);
  assert.deepEqual(json.json, { schemaVersion: 1, left: true });
  assert.equal(count, 2);
});

Deno.test("runLeave: says nothing when the node has not left", async () => {
  await using node = await FakeNode.start({
    leave: () => {
      throw new MeshError("no-leader", "The mesh has no leader now");
    },
  });
  const recorded = new RecordedOutput();
  await assert.rejects(runLeave({}, node.host, recorded.output), /no leader/);
  assert.equal(recorded.out, "");
});

Deno.test("runLeave: only on the node itself", async () => {
  let count = 0;
  await using node = await FakeNode.start({ leave: () => void count++ });
  const options = { server: node.address, insecure: true };
  await assert.rejects(runLeave(options, node.host, new RecordedOutput().output), MeshError);
  assert.equal(count, 0);
});
