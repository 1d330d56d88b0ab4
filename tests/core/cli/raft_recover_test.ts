import assert from "node:assert/strict";
import { runRaftRecover } from "../../../core/cli/raft_recover.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { PaperNodes } from "../node/paper_nodes.ts";
import { RecordedOutput } from "./recorded_output.ts";

Deno.test("weft raft recover: says what it would do, and does it with --yes", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.stop("a");
  const recorded = new RecordedOutput();
  const run = (options: { yes?: boolean; json?: boolean; dataDir?: string }) =>
    runRaftRecover(options, nodes.dataDir("a"), recorded.output, Date.now(), new MemoryLog());
  await assert.rejects(run({}), { name: "UsageError", message: /^Would make "a" the only voter of mesh .*-e1/ });
  await assert.rejects(run({}), /-e1/, "looking changes nothing");
  await run({ yes: true, json: true });
  assert.deepEqual([recorded.json["isDone"], recorded.json["lost"]], [true, []]);
  await assert.rejects(run({ dataDir: nodes.dataDir("b") }), /no state of a mesh/);
});
