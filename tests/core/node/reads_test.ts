import assert from "node:assert/strict";
import { PENDING_READ_COUNT_MAX, READ_TICKS_MAX, Reads } from "../../../core/node/reads.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

Deno.test("Reads: resolves once confirmed and applied, in either order", async () => {
  const reads = new Reads(new SeededRandom(1));
  const first = reads.open(1);
  const second = reads.open(1);
  assert.notDeepEqual(first.context, second.context);
  let done = 0;
  first.confirmed.then(() => done++);
  second.confirmed.then(() => done++);
  reads.applied(100);
  await Promise.resolve();
  assert.equal(done, 0, "unconfirmed reads wait");
  reads.confirm(first.context, 7);
  reads.applied(6);
  await Promise.resolve();
  assert.equal(done, 0, "not applied yet");
  reads.applied(7);
  await first.confirmed;
  reads.confirm(second.context, 7);
  reads.applied(7);
  await second.confirmed;
});

Deno.test("Reads: abandon rejects, the limit refuses", async () => {
  const reads = new Reads(new SeededRandom(1));
  const all = Array.from({ length: PENDING_READ_COUNT_MAX }, () => reads.open(1).confirmed);
  await assert.rejects(reads.open(1).confirmed, /Too many reads/);
  reads.abandon(new Error("stopped"));
  const settled = await Promise.allSettled(all);
  assert(settled.every((result) => result.status === "rejected"));
});

Deno.test("Reads: a read that nobody confirms ends after its ticks", async () => {
  const reads = new Reads(new SeededRandom(1));
  const { confirmed } = reads.open(1);
  for (let tick = 1; tick < READ_TICKS_MAX; tick++) reads.tick();
  const younger = reads.open(1);
  reads.tick();
  await assert.rejects(confirmed, { reason: "no-leader" });
  reads.confirm(younger.context, 1);
  reads.applied(1);
  await younger.confirmed;
});

Deno.test("Reads: a new term ends the reads of earlier ones only", async () => {
  const reads = new Reads(new SeededRandom(1));
  const earlier = reads.open(1);
  const later = reads.open(2);
  reads.abandonBefore(2, new Error("new term"));
  await assert.rejects(earlier.confirmed, /new term/);
  reads.confirm(later.context, 1);
  reads.applied(1);
  await later.confirmed;
});

Deno.test("Reads: an answer to a question of an earlier process is nobody's", async () => {
  const random = new SeededRandom(1);
  const earlier = new Reads(random).open(1);
  earlier.confirmed.catch(() => {});
  const reads = new Reads(random);
  const { context, confirmed } = reads.open(1);
  let isDone = false;
  confirmed.then(() => isDone = true);
  reads.confirm(earlier.context, 7);
  reads.applied(7);
  await Promise.resolve();
  assert.equal(isDone, false);
  reads.confirm(context, 9);
  reads.applied(9);
  await confirmed;
});
