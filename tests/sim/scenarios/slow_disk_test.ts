/** A leader whose disk is slow or does not answer: the mesh goes on with another one. */
import assert from "node:assert/strict";
import { type Lab, scenario } from "../lab.ts";

/** Well above a quarter of a second, well below the election timeout of a second. */
const SLOW_US = 300_000;
const STUCK_US = 1_000_000_000;

/** Lets `ms` pass while somebody writes through whoever leads. Returns how often the leader changed. */
function writeFor(lab: Lab, ms: number, from: number): number {
  let changesCount = 0;
  let before = from;
  for (let passedMs = 0; passedMs < ms; passedMs += 50) {
    const leader = lab.world.leader()?.id;
    if (leader !== undefined && leader !== before) {
      changesCount++;
      before = leader;
    }
    if (leader !== undefined) lab.write(leader, 1, passedMs);
    lab.run(50);
  }
  return changesCount;
}

scenario("slow disk: its leader hands over, once", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  assert.equal(writeFor(lab, 5_000, 1), 0, "a healthy disk is no reason");
  lab.member(1).disk.extraSyncUs = SLOW_US;
  assert.equal(writeFor(lab, 10_000, 1), 1);
  assert(!lab.leads(1));
  lab.written(lab.leaderAmong(2, 3), 1, 1);
});

scenario("slow disk: where all are slow, the lead goes around once and stays", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  for (const id of [1, 2, 3]) lab.member(id).disk.extraSyncUs = SLOW_US;
  const changesCount = writeFor(lab, 60_000, 1);
  assert(changesCount >= 1 && changesCount <= 3, `${changesCount} changes`);
  const leader = lab.leaderAmong(1, 2, 3);
  assert.equal(writeFor(lab, 30_000, leader), 0);
});

scenario("slow disk: one that does not answer loses the lead, because heartbeats stop", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  lab.member(1).disk.extraSyncUs = STUCK_US;
  lab.write(1, 1, 1);
  const heir = lab.leaderAmong(2, 3);
  lab.written(heir, 1, 2);
});
