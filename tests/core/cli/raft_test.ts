import assert from "node:assert/strict";
import { UsageError } from "../../../core/cli/exit.ts";
import { runRaftMembers, runRaftSnapshot, runRaftStatus, runRaftTransfer } from "../../../core/cli/raft.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import { FakeNode } from "./fake_node.ts";
import { RecordedOutput } from "./recorded_output.ts";

Deno.test("weft raft: tables, and JSON with the schema version first", async () => {
  await using node = await FakeNode.start({
    raftMembers: (here) => ({ viewer: `${here}`, members: [{ id: "a", raftId: 1n, role: "leader" }] }),
    raftStatus: () => ({ id: "a", term: 7n }),
    transfer: (id) => ({ leader: id || "best", term: 8n, moved: true }),
    snapshot: () => ({ index: 5n, term: 1n, bytes: 10n, file: "/x" }),
  });
  const table = new RecordedOutput();
  await runRaftMembers({}, node.host, table.output);
  await runRaftStatus({ output: "table" }, node.host, table.output);
  await runRaftTransfer("b", {}, node.host, table.output);
  await runRaftTransfer("", {}, node.host, table.output);
  await runRaftSnapshot({}, node.host, table.output);
  assert.match(table.out, /^NODE .*\nterm +7\n.*b leads now.*\nbest leads now.*\nSnapshot at index 5/s);
  for (const options of [{ json: true }, { output: "json" }]) {
    const json = new RecordedOutput();
    await runRaftMembers(options, node.host, json.output);
    assert.equal(Object.keys(json.json)[0], "schemaVersion");
    assert.equal(json.json["viewer"], "false", "the leader is asked");
  }
  const snapshot = new RecordedOutput();
  await runRaftSnapshot({ json: true }, node.host, snapshot.output);
  assert.deepEqual(snapshot.json, { schemaVersion: 1, index: 5, term: 1, bytes: 10, file: "/x" });
});

Deno.test("weft raft: an unknown form is refused before the node is asked", async () => {
  let asked = 0;
  await using node = await FakeNode.start({ transfer: () => ({ leader: `${++asked}` }) });
  await assert.rejects(runRaftTransfer("", { output: "xml" }, node.host, new RecordedOutput().output), UsageError);
  assert.equal(asked, 0);
});

Deno.test("weft raft transfer: what the node refuses is said with its hint", async () => {
  await using node = await FakeNode.start({
    transfer: () => {
      throw new MeshError("timeout", 'Node "b" has not taken over', { hint: "Look at it." });
    },
  });
  await assert.rejects(runRaftTransfer("b", {}, node.host, new RecordedOutput().output), {
    reason: "timeout",
    hint: "Look at it.",
  });
});
