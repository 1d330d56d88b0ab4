import assert from "node:assert/strict";
import { PENDING_PROPOSAL_COUNT_MAX, PROPOSAL_TICKS_MAX, Proposals } from "../../../core/node/proposals.ts";

Deno.test("Proposals: settles by index and term", async () => {
  const proposals = new Proposals<string>();
  const first = proposals.wait(5, 2);
  const second = proposals.wait(6, 2);
  proposals.settle(5, 2, "a");
  proposals.settle(6, 3, "other leader's");
  assert.equal(await first, "a");
  await assert.rejects(second, /leader changed/);
});

Deno.test("Proposals: an index proposed again loses the earlier caller", async () => {
  const proposals = new Proposals<string>();
  const first = proposals.wait(5, 2);
  const second = proposals.wait(5, 3);
  await assert.rejects(first, /leader changed/);
  proposals.settle(5, 3, "b");
  assert.equal(await second, "b");
});

Deno.test("Proposals: abandon rejects all, the limit is reported", async () => {
  const proposals = new Proposals<string>();
  const waits = Array.from({ length: PENDING_PROPOSAL_COUNT_MAX }, (_, index) => proposals.wait(index + 1, 1));
  assert.equal(proposals.full, true);
  proposals.abandon(new Error("stopped"));
  assert.equal(proposals.full, false);
  const settled = await Promise.allSettled(waits);
  assert.equal(settled.every((result) => result.status === "rejected"), true);
});

Deno.test("Proposals: a write that is not applied ends after its ticks, outcome unknown", async () => {
  const proposals = new Proposals<string>();
  const waiting = proposals.wait(5, 2);
  for (let tick = 0; tick < PROPOSAL_TICKS_MAX; tick++) proposals.tick();
  await assert.rejects(waiting, { reason: "timeout" });
});
