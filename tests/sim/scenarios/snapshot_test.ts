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

for (const order of ["in order", "the newer one first"] as const) {
  scenario(`snapshot: two within a moment, ${order} (etcd 18055)`, EAGER, (lab) => {
    lab.elect(1);
    lab.settle(1, 2, 3);
    lab.crash(3);
    for (let i = 0; i < 20; i++) lab.written(1, 3, 200 + i);
    lab.restart(3);
    lab.hold((m) => m.kind === "snapshot" && m.to === 3);
    lab.until("the first is on its way", () => lab.held.length === 1);
    for (let i = 0; i < 20; i++) lab.written(1, 3, 300 + i);
    // The link says that it was lost, which is not so.
    lab.member(1).unreachable(3);
    lab.until("and the second", () => lab.held.length === 2);
    assert.notDeepEqual(lab.held[0], lab.held[1]);
    lab.release(order === "in order" ? [...lab.held] : lab.held.toReversed());
    lab.settle(1, 2, 3);
    assert.equal(lab.process(3).machine.lookup(3), 319);
    lab.expectWork(1, 2, 3);
  });
}

scenario("snapshot: newer ones do not make it start over (NuRaft 118)", EAGER, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  lab.crash(3);
  for (let i = 0; i < 20; i++) lab.written(1, 3, 200 + i);
  lab.restart(3);
  lab.hold((m) => m.kind === "snapshot" && m.to === 3);
  lab.until("it is on its way", () => lab.held.length === 1);
  // A slow link: many newer snapshots come to be before it arrives.
  for (let i = 0; i < 50; i++) {
    lab.written(1, 3, 300 + i);
    lab.run(20);
  }
  assert.equal(lab.held.length, 1, "nothing else was sent meanwhile");
  const first = [...lab.held];
  let others = 0;
  lab.release(first);
  lab.hold((m) => {
    if (m.kind === "snapshot") others++;
    return false;
  });
  lab.settle(1, 2, 3);
  assert(others <= 1, `${others} more snapshots`);
  lab.expectWork(1, 2, 3);
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
