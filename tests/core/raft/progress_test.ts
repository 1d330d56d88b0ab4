import assert from "node:assert/strict";
import fc from "fast-check";
import { Progress } from "../../../core/raft/progress.ts";

const LIMITS = { maxInflightAppendsCount: 2, maxInflightBytes: Infinity };

Deno.test("Progress: probe sends one append with entries, then waits for a sign of life", () => {
  const progress = new Progress(5, true, LIMITS);
  progress.appendSent(0, 0, 0);
  assert(!progress.paused);
  progress.appendSent(1, 10, 0);
  assert(progress.paused);
  assert.equal(progress.next, 5);
  progress.resume();
  assert(!progress.paused);
});

Deno.test("Progress: replicate sends ahead until its window is full", () => {
  const progress = new Progress(1, true, LIMITS);
  progress.becomeReplicate();
  progress.appendSent(3, 10, 0);
  assert.deepEqual([progress.next, progress.paused, progress.full], [4, false, false]);
  progress.appendSent(1, 10, 0);
  assert.deepEqual([progress.next, progress.paused, progress.full], [5, true, true]);
  progress.resume();
  assert.deepEqual([progress.paused, progress.full], [false, true], "an empty append may go");
  assert(progress.advanceTo(3));
  progress.freeUpTo(3);
  assert(!progress.full);
});

Deno.test("Progress: an acknowledgement never takes back what is known or sent", () => {
  const progress = new Progress(1, true, LIMITS);
  progress.becomeReplicate();
  progress.appendSent(5, 10, 0);
  assert(progress.advanceTo(3));
  assert(!progress.advanceTo(2));
  assert.deepEqual([progress.match, progress.next], [3, 6]);
});

Deno.test("Progress.retreat: a refusal that was answered or overtaken changes nothing", () => {
  const probe = new Progress(5, true, LIMITS);
  assert(!probe.retreat(3, 0), "not what was probed");
  assert(probe.retreat(4, 2));
  assert.equal(probe.next, 3);
  const replicate = new Progress(1, true, LIMITS);
  replicate.advanceTo(4);
  replicate.becomeReplicate();
  replicate.appendSent(3, 10, 0);
  assert(!replicate.retreat(4, 0), "already acknowledged");
  assert(replicate.retreat(6, 0));
  assert.equal(replicate.next, 5);
});

Deno.test("Progress: a snapshot stops everything; its report lets one probe follow after a sign of life", () => {
  for (const [delivered, next] of [[true, 11], [false, 4]] as const) {
    const progress = new Progress(1, true, LIMITS);
    progress.advanceTo(3);
    progress.becomeSnapshot(10);
    assert(progress.paused);
    progress.resume();
    assert(progress.paused);
    progress.snapshotReported(delivered);
    assert.deepEqual([progress.state.kind, progress.next, progress.paused], ["probe", next, true]);
    progress.resume();
    assert(!progress.paused);
  }
});

Deno.test("Progress.snapshotReported: nothing without a snapshot on its way", () => {
  const progress = new Progress(1, true, LIMITS);
  progress.becomeReplicate();
  progress.snapshotReported(false);
  assert.equal(progress.state.kind, "replicate");
});

Deno.test("Progress.canLearnCommit: until a message has told it, and as far as entries were sent", () => {
  const progress = new Progress(1, true, LIMITS);
  progress.becomeReplicate();
  assert(!progress.canLearnCommit(1), "nothing sent that could be committed");
  progress.appendSent(2, 10, 0);
  assert(progress.canLearnCommit(1));
  progress.appendSent(0, 0, 1);
  assert(!progress.canLearnCommit(1));
  assert(progress.canLearnCommit(2));
});

Deno.test("Progress: match stays below next, whatever happens", () => {
  const action = fc.tuple(
    fc.integer({ min: 0, max: 6 }),
    fc.integer({ min: 0, max: 9 }),
    fc.integer({ min: 0, max: 9 }),
  );
  fc.assert(fc.property(fc.array(action), (actions) => {
    const progress = new Progress(3, true, LIMITS);
    for (const [what, a, b] of actions) {
      if (what === 0) progress.advanceTo(a);
      else if (what === 1) progress.retreat(a, b);
      else if (what === 2) progress.becomeProbe();
      else if (what === 3) progress.becomeReplicate();
      else if (what === 4) progress.becomeSnapshot(progress.match + a);
      else if (what === 5) progress.snapshotReported(b > 4);
      else if (!progress.paused) progress.appendSent(progress.full ? 0 : a, b, b);
      assert(progress.match < progress.next, `${progress.match} < ${progress.next}`);
    }
  }));
});
