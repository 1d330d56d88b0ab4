import assert from "node:assert/strict";
import { processorWaitMs } from "../../../core/io/processor_wait_linux.ts";

Deno.test("processorWaitMs: milliseconds that only grow, and no longer than the process is there", () => {
  const before = processorWaitMs();
  assert(before !== undefined && before >= 0 && before < 1e12);
  const endMs = performance.now() + 20;
  while (performance.now() < endMs);
  const after = processorWaitMs();
  assert(after !== undefined && after >= before);
});
