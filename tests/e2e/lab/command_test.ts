import assert from "node:assert/strict";
import { mustRun, run } from "./command.ts";

Deno.test("run: gives exit code, both outputs and standard input", async () => {
  const result = await run(["sh", "-c", "cat; echo err >&2; exit 3"], { stdin: "in" });
  assert.deepEqual(result, { code: 3, stdout: "in", stderr: "err\n" });
});

Deno.test("run: kills a command that does not end in time", async () => {
  await assert.rejects(run(["sleep", "60"], { deadlineMs: 50 }), /waited 50 ms for sleep 60/);
});

Deno.test("mustRun: throws with the command and what it said", async () => {
  assert.equal(await mustRun(["echo", "fine"]), "fine\n");
  await assert.rejects(mustRun(["sh", "-c", "echo why >&2; exit 9"]), /exited with 9\nwhy/);
});

Deno.test("run: an empty environment has only what is given", async () => {
  const stdout = await mustRun(["/usr/bin/env"], { clearEnv: true, env: { ONLY: "this" } });
  assert.equal(stdout, "ONLY=this\n");
});
