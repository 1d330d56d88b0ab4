import assert from "node:assert/strict";
import { LabProcess } from "./process.ts";

Deno.test("LabProcess.waitForLine: finds lines of both outputs, past and to come", async () => {
  await using process = new LabProcess(["sh", "-c", "echo one; echo two >&2; exec sleep 60"]);
  assert.equal(await process.waitForLine((line) => line === "two", 5_000), "two");
  assert.equal(await process.waitForLine((line) => line === "one", 5_000), "one");
  assert.equal(process.exitCode, undefined);
});

Deno.test("LabProcess.waitForLine: a last line without newline counts", async () => {
  await using process = new LabProcess(["printf", "end"]);
  assert.equal(await process.waitForLine((line) => line === "end", 5_000), "end");
});

Deno.test("LabProcess.waitForLine: throws with the output when the program ends without the line", async () => {
  await using process = new LabProcess(["echo", "something else"]);
  await assert.rejects(process.waitForLine((line) => line === "ready", 5_000), /ended without[^]*something else/);
});

Deno.test("LabProcess.waitForLine: throws with the output when the time is over", async () => {
  await using process = new LabProcess(["sh", "-c", "echo early; exec sleep 60"]);
  await process.waitForLine((line) => line === "early", 5_000);
  await assert.rejects(process.waitForLine((line) => line === "late", 50), /waited 50 ms[^]*early/);
});

Deno.test("LabProcess.ended: gives the exit code after all output", async () => {
  await using process = new LabProcess(["sh", "-c", "seq 1 1000; exit 3"]);
  assert.equal(await process.ended(5_000), 3);
  assert.equal(process.lines.length, 1000);
  process.signal("SIGTERM");
});

Deno.test("LabProcess: disposing ends a program, and output held open by what it left running", async () => {
  let pid: number;
  let left: string;
  {
    await using process = new LabProcess(["sh", "-c", "sleep 60 & echo $!; wait"]);
    pid = process.pid;
    left = await process.waitForLine((line) => /^\d+$/.test(line), 5_000);
  }
  assert.throws(() => Deno.statSync(`/proc/${pid}`), Deno.errors.NotFound);
  Deno.kill(Number(left), "SIGKILL");
});
