import assert from "node:assert/strict";
import {
  PENDING_PROPOSAL_COUNT_MAX,
  PROPOSAL_BATCH_BYTES_MAX,
  PROPOSAL_TICKS_MAX,
  Proposals,
} from "../../../core/node/proposals.ts";

/** Adds one entry and appends it at once. */
function wait(proposals: Proposals<string>, index: number, term: number): Promise<string> {
  const applied = proposals.add(new Uint8Array(1));
  const batch = proposals.takeBatch();
  assert(batch);
  proposals.appended(batch, index, term);
  return applied;
}

Deno.test("Proposals: settles by index and term", async () => {
  const proposals = new Proposals<string>();
  const first = wait(proposals, 5, 2);
  const second = wait(proposals, 6, 2);
  proposals.settle(5, 2, "a");
  proposals.settle(6, 3, "other leader's");
  assert.equal(await first, "a");
  await assert.rejects(second, /leader changed/);
});

Deno.test("Proposals: what comes together goes into the log together, in order", async () => {
  const proposals = new Proposals<string>();
  const all = [1, 2, 3].map((byte) => proposals.add(Uint8Array.of(byte)));
  const batch = proposals.takeBatch();
  assert.deepEqual(batch?.data, [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]);
  assert.equal(proposals.takeBatch(), undefined);
  if (batch) proposals.appended(batch, 7, 1);
  for (const index of [5, 6, 7]) proposals.settle(index, 1, `at ${index}`);
  assert.deepEqual(await Promise.all(all), ["at 5", "at 6", "at 7"]);
});

Deno.test("Proposals: a batch ends at its limit of bytes, one longer entry passes", () => {
  const proposals = new Proposals<string>();
  for (const bytes of [PROPOSAL_BATCH_BYTES_MAX - 1, 1, 1, PROPOSAL_BATCH_BYTES_MAX + 1, 1]) {
    proposals.add(new Uint8Array(bytes)).catch(() => {});
  }
  const counts = Array.from({ length: 5 }, () => proposals.takeBatch()?.data.length);
  assert.deepEqual(counts, [2, 1, 1, 1, undefined]);
});

Deno.test("Proposals: a batch that is refused has no outcome to wait for", async () => {
  const proposals = new Proposals<string>();
  const waiting = proposals.add(new Uint8Array(1));
  const batch = proposals.takeBatch();
  assert(batch);
  proposals.refused(batch, new Error("no leader"));
  await assert.rejects(waiting, /no leader/);
  assert.equal(proposals.isEmpty, true);
});

Deno.test("Proposals: an index proposed again loses the earlier caller", async () => {
  const proposals = new Proposals<string>();
  const first = wait(proposals, 5, 2);
  const second = wait(proposals, 5, 3);
  await assert.rejects(first, /leader changed/);
  proposals.settle(5, 3, "b");
  assert.equal(await second, "b");
});

Deno.test("Proposals: abandon rejects all, with or without a place, the limit is reported", async () => {
  const proposals = new Proposals<string>();
  const waits = Array.from({ length: PENDING_PROPOSAL_COUNT_MAX - 1 }, (_, index) => wait(proposals, index + 1, 1));
  assert.equal(proposals.full, false);
  waits.push(proposals.add(new Uint8Array(1)));
  assert.equal(proposals.full, true);
  proposals.abandon(new Error("stopped"));
  assert.equal(proposals.full, false);
  const settled = await Promise.allSettled(waits);
  assert.equal(settled.every((result) => result.status === "rejected"), true);
});

Deno.test("Proposals: a write that is not applied ends after its ticks, outcome unknown", async () => {
  const proposals = new Proposals<string>();
  const waiting = wait(proposals, 5, 2);
  for (let tick = 0; tick < PROPOSAL_TICKS_MAX; tick++) proposals.tick();
  await assert.rejects(waiting, { reason: "timeout" });
});
