import assert from "node:assert/strict";
import { runStatus } from "../../../core/cli/status.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import { FakeNode } from "./fake_node.ts";
import { RecordedOutput } from "./recorded_output.ts";

Deno.test("runStatus: asks for the node that was named, this one otherwise", async () => {
  const asked: string[] = [];
  await using node = await FakeNode.start({
    status(id) {
      asked.push(id);
      return { status: { id: id || "self" } };
    },
  });
  const recorded = new RecordedOutput();
  await runStatus("", {}, node.host, recorded.output, 0);
  await runStatus("nas", {}, node.host, recorded.output, 0);
  assert.deepEqual(asked, ["", "nas"]);
  assert.match(recorded.out, /^self {2}[^]*^nas {2}/m);
});

Deno.test("runStatus: --json prints the schema version first", async () => {
  await using node = await FakeNode.start({ status: () => ({ status: { id: "nas" } }) });
  const recorded = new RecordedOutput();
  await runStatus("", { json: true }, node.host, recorded.output, 0);
  assert.deepEqual(Object.entries(recorded.json).slice(0, 2), [["schemaVersion", 1], ["id", "nas"]]);
});

Deno.test("runStatus: prints nothing when the node refuses", async () => {
  await using node = await FakeNode.start({
    status: () => {
      throw new MeshError("not-found", 'The mesh has no node "x"');
    },
  });
  const recorded = new RecordedOutput();
  await assert.rejects(runStatus("x", {}, node.host, recorded.output, 0), /no node "x"/);
  assert.equal(recorded.out, "");
});
