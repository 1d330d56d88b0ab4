import assert from "node:assert/strict";
import { PENDING_READ_COUNT_MAX, READ_TICKS_MAX, Reads } from "../../../core/node/reads.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

/** Opens a read and asks for it alone. */
function ask(reads: Reads, term: number): { readonly context: Uint8Array; readonly confirmed: Promise<void> } {
  const confirmed = reads.open();
  const context = reads.ask(term);
  assert(context);
  return { context, confirmed };
}

Deno.test("Reads: resolves once confirmed and applied, in either order", async () => {
  const reads = new Reads(new SeededRandom(1));
  const first = ask(reads, 1);
  const second = ask(reads, 1);
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
  assert.equal(reads.isEmpty, true);
});

Deno.test("Reads: those of one turn share a question, a later one has its own", async () => {
  const reads = new Reads(new SeededRandom(1));
  const together = [reads.open(), reads.open()];
  const context = reads.ask(1);
  assert.equal(reads.ask(1), undefined);
  let isLaterDone = false;
  const later = reads.open().then(() => isLaterDone = true);
  assert(context);
  reads.confirm(context, 3);
  reads.applied(3);
  await Promise.all(together);
  assert.equal(isLaterDone, false);
  const next = reads.ask(1);
  assert(next);
  reads.confirm(next, 3);
  reads.applied(3);
  await later;
});

Deno.test("Reads: abandon rejects, the limit refuses", async () => {
  const reads = new Reads(new SeededRandom(1));
  const all = Array.from({ length: PENDING_READ_COUNT_MAX - 1 }, () => reads.open());
  reads.ask(1);
  all.push(reads.open());
  await assert.rejects(reads.open(), /Too many reads/);
  reads.abandon(new Error("stopped"));
  const settled = await Promise.allSettled(all);
  assert(settled.every((result) => result.status === "rejected"));
  assert.equal(reads.isEmpty, true);
});

Deno.test("Reads: a read that nobody confirms, or that is not even asked, ends after its ticks", async () => {
  const reads = new Reads(new SeededRandom(1));
  const { confirmed } = ask(reads, 1);
  const unasked = reads.open();
  for (let tick = 1; tick < READ_TICKS_MAX; tick++) reads.tick();
  reads.tick();
  const younger = ask(reads, 1);
  reads.tick();
  await assert.rejects(confirmed, { reason: "no-leader" });
  await assert.rejects(unasked, { reason: "no-leader" });
  reads.confirm(younger.context, 1);
  reads.applied(1);
  await younger.confirmed;
});

Deno.test("Reads: a new term ends the reads of earlier ones only", async () => {
  const reads = new Reads(new SeededRandom(1));
  const earlier = ask(reads, 1);
  const later = ask(reads, 2);
  const unasked = reads.open();
  reads.abandonBefore(2, new Error("new term"));
  await assert.rejects(earlier.confirmed, /new term/);
  reads.confirm(later.context, 1);
  reads.applied(1);
  await later.confirmed;
  const context = reads.ask(2);
  assert(context);
  reads.abandon(new Error("refused"), context);
  await assert.rejects(unasked, /refused/);
});

Deno.test("Reads: an answer to a question of an earlier process is nobody's", async () => {
  const random = new SeededRandom(1);
  const earlier = ask(new Reads(random), 1);
  earlier.confirmed.catch(() => {});
  const reads = new Reads(random);
  const { context, confirmed } = ask(reads, 1);
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
