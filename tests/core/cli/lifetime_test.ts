import assert from "node:assert/strict";
import { aborted, reportTo, StopLimit } from "../../../core/cli/lifetime.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import { MemoryLog } from "../../twins/memory_log.ts";

Deno.test("aborted: resolves for a signal that was aborted, and for one that will be", async () => {
  const stop = new AbortController();
  const waiting = aborted(stop.signal);
  stop.abort();
  await waiting;
  await aborted(stop.signal);
});

Deno.test("StopLimit: a stop in time is no end of the process", () => {
  using limit = new StopLimit(new MemoryLog());
  limit.begin();
  limit.begin();
});

Deno.test("reportTo: failures go into a log of JSON lines, and else to the caller", async () => {
  const log = new MemoryLog();
  const fail = () => Promise.reject(new MeshError("permission-denied", "not yours", { hint: "Be root." }));
  assert.equal(await reportTo(log, { format: "json" }, fail), 5);
  assert.deepEqual(log.lines.map(({ message, fields }) => [message, fields]), [
    ["not yours", { hint: "Be root.", code: 5 }],
  ]);
  await assert.rejects(reportTo(log, { format: "text" }, fail), /not yours/);
  assert.equal(await reportTo(log, { format: "text" }, () => Promise.resolve(0)), 0);
});
