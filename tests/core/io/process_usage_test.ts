import assert from "node:assert/strict";
import { readProcessUsage } from "../../../core/io/process_usage.ts";

Deno.test("readProcessUsage: this process has used time, memory and descriptors", async () => {
  const usage = await readProcessUsage();
  assert(usage.cpuMs > 0 && usage.residentBytes > usage.heapUsedBytes && usage.descriptorCount > 2);
  assert(Math.abs(usage.startedWallMs - Date.now()) < 3_600_000 && usage.threadCount > 1 && usage.lagMs >= 0);
});
