/** Snapshots over logs that say something else, and callers whose entries are compacted away. */
import assert from "node:assert/strict";
import { PROPOSAL_TICKS_MAX } from "../../../core/node/proposals.ts";
import { type LabOptions, scenario } from "../lab.ts";

const EAGER: LabOptions = {
  voters: 3,
  plan: { snapshots: { entryCount: 5, logBytes: 1 << 20, trailingEntryCount: 0 } },
};

scenario("snapshot: it replaces a tail that conflicts, once (hashicorp 697)", EAGER, (lab) => {
  lab.elect(1);
  lab.written(1, 1, 1);
  lab.settle(1, 2, 3);
  // 1 alone writes a long tail; the others go on without it and compact.
  lab.isolate(1);
  for (let i = 0; i < 30; i++) lab.write(1, 2, 100 + i);
  lab.run(20);
  const next = lab.leaderAmong(2, 3);
  for (let i = 0; i < 20; i++) lab.written(next, 3, 200 + i);
  let snapshots = 0;
  lab.hold((m) => {
    if (m.kind === "snapshot") snapshots++;
    return false;
  });
  lab.mend();
  lab.expectWork(1, 2, 3);
  lab.run(5000);
  assert(snapshots >= 1 && snapshots <= 2, `${snapshots} snapshots`);
  assert.equal(lab.process(1).machine.lookup(2), 0);
  assert.equal(lab.process(1).machine.lookup(3), 219);
});

scenario("snapshot: one that is lost on the way is sent again", EAGER, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  lab.crash(3);
  for (let i = 0; i < 20; i++) lab.written(1, 3, 200 + i);
  lab.restart(3);
  let lost = 0;
  lab.hold((m) => m.kind === "snapshot" && m.to === 3 && lost++ < 2);
  lab.until("the first is lost", () => lost > 0);
  // The connection breaks, and the link says so; the second one is lost without a word.
  lab.member(1).unreachable(3);
  lab.settle(1, 2, 3);
  assert(lost >= 3);
});

scenario("snapshot: a caller whose entry came with one is not left waiting (willemt/raft 130)", EAGER, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  // The entry gets to 2, and 1 does not learn that.
  lab.hold((m) => m.to === 1);
  const answer = lab.write(1, 5, 55);
  lab.until("2 has it", () => lab.process(2).engine.raw.log.lastIndex() === lab.process(1).engine.raw.log.lastIndex());
  lab.run(5);
  lab.isolate(1);
  lab.release([]);
  const next = lab.leaderAmong(2, 3);
  for (let i = 0; i < 20; i++) lab.written(next, 3, 200 + i);
  lab.mend();
  lab.settle(1, 2, 3);
  assert.equal(lab.process(1).machine.lookup(5), 55, "it was committed");
  lab.run(PROPOSAL_TICKS_MAX * 50 + 100);
  assert(answer.isThere, "and the caller was told something, at the latest when its time was up");
});
