/**
 * What a program closes twice, as strace sees it: a number that is closed again may be another thread's file by then.
 *
 * @module
 */
import assert from "node:assert/strict";
import { run } from "../../e2e/lab/command.ts";

/** Whether this machine has strace and lets it trace; says so if not. */
export const canTrace: boolean = await run(["strace", "-f", "true"]).then(({ code }) => code === 0, () => false);
if (!canTrace) console.log("skipped where system calls are counted: strace is not installed or may not trace");

/** Runs a command to its good end; the lines of strace about descriptors that were not open when they were closed. */
export async function doubleCloses(command: readonly string[]): Promise<string[]> {
  const trace = ["strace", "--follow-forks", "--trace=close", "--failed-only", "--quiet=all", ...command];
  const { code, stdout, stderr } = await run(trace);
  assert.equal(code, 0, stdout + stderr);
  // The runtime itself closes -1 now and then, which is nobody's.
  return stderr.split("\n").filter((line) => /close\(\d+\)/.test(line));
}
