/** Changes of membership that once left a group with two leaders, or with none. */
import assert from "node:assert/strict";
import { confChange } from "../../../core/raft/conf_change.ts";
import { isJoint } from "../../../core/raft/membership.ts";
import { type Lab, playScenario, scenario } from "../lab.ts";
import { calmPlan } from "../plan.ts";

const REPLACE_TWO = confChange([
  { operation: "add-voter", id: 4 },
  { operation: "add-voter", id: 5 },
  { operation: "remove", id: 2 },
  { operation: "remove", id: 3 },
], "implicit");

function voters(lab: Lab, id: number): readonly number[] {
  return lab.process(id).engine.raw.membership.voters;
}

/** Members 4 and 5 join as learners and catch up. */
function withLearners(lab: Lab): void {
  lab.elect(1);
  lab.leaderAmong(1);
  for (const id of [4, 5]) {
    lab.world.join();
    assert.equal(lab.change(1, confChange([{ operation: "add-learner", id }])), "appended");
    lab.until(`${id} has caught up`, () => lab.process(1).engine.raw.membership.learners.includes(id));
    lab.settle(1, 2, 3, id);
  }
}

Deno.test("membership: wherever a leader crashes in a joint change, the group leaves it (etcd 12359)", async () => {
  let crashes = 0;
  for (let events = 0; events < 120; events += 4) {
    await playScenario({ voters: 3, seed: 1 + events }, (lab) => {
      withLearners(lab);
      assert.equal(lab.change(1, REPLACE_TWO), "appended");
      for (let i = 0; i < events; i++) lab.world.step();
      crashes++;
      lab.crash(1, events % 8 === 0);
      lab.run(5000);
      lab.restart(1);
      const leader = lab.leaderAmong(1, 2, 3, 4, 5);
      lab.until("the joint membership is left", () => !isJoint(lab.process(leader).engine.raw.membership));
      lab.run(3000);
      const members = voters(lab, lab.leaderAmong(1, 2, 3, 4, 5));
      assert(`${members}` === "1,4,5" || `${members}` === "1,2,3", `${members}`);
      lab.expectWork(...members);
    });
  }
  assert.equal(crashes, 30);
});

scenario("membership: two of three are replaced while one of the new ones is away", { voters: 3 }, (lab) => {
  withLearners(lab);
  lab.isolate(5);
  assert.equal(lab.change(1, REPLACE_TWO), "appended");
  lab.until(
    "the change is done",
    () => `${voters(lab, 1)}` === "1,4,5" && !isJoint(lab.process(1).engine.raw.membership),
  );
  lab.expectWork(1, 4);
  lab.mend();
  lab.expectWork(1, 4, 5);
});

scenario("membership: a joint membership is left once (etcd 12582)", { voters: 3 }, (lab) => {
  withLearners(lab);
  const before = lab.world.oracle.memberships.size;
  assert.equal(lab.change(1, REPLACE_TWO), "appended");
  lab.until(
    "the change is done",
    () => `${voters(lab, 1)}` === "1,4,5" && !isJoint(lab.process(1).engine.raw.membership),
  );
  lab.run(2000);
  assert.equal(lab.world.oracle.memberships.size, before + 2, "in, and out again");
});

scenario("membership: a new leader changes nothing before its first commit (Ongaro 2015)", { voters: 4 }, (lab) => {
  lab.elect(1);
  lab.written(1, 1, 1);
  lab.settle(1, 2, 3, 4);
  // 1 removes 4, and nobody hears of it.
  lab.isolate(1);
  assert.equal(lab.change(1, confChange([{ operation: "remove", id: 4 }])), "appended");
  // 2 leads with 3 and 4, and wants to remove 3; it may not, because it has committed nothing yet.
  lab.hold((m) => m.kind === "append-ack" && m.to === 2);
  lab.elect(2);
  assert.equal(lab.change(2, confChange([{ operation: "remove", id: 3 }])), "voided");
  lab.release();
  lab.until("2 has committed in its term", () => lab.hasCommittedInTerm(2));
  assert.equal(lab.change(2, confChange([{ operation: "remove", id: 3 }])), "appended");
  lab.until("3 is out", () => `${voters(lab, 2)}` === "1,2,4");
  lab.mend();
  lab.expectWork(1, 2, 4);
});

scenario(
  "membership: a snapshot holds the membership as of its index, not what is proposed (canonical/raft 354)",
  { voters: 3, plan: { snapshots: { entryCount: 5, logBytes: 1 << 20, trailingEntryCount: 0 } } },
  (lab) => {
    lab.elect(1);
    lab.settle(1, 2, 3);
    // The change is in the leader's log alone, and commits go on to be applied there.
    lab.hold((m) => m.kind === "append" && m.entries.some(({ type }) => type !== "normal"));
    for (let i = 0; i < 4; i++) lab.written(1, 1, i + 1);
    assert.equal(lab.change(1, confChange([{ operation: "remove", id: 3 }])), "appended");
    lab.isolate(1);
    lab.run(50);
    const next = lab.leaderAmong(2, 3);
    for (let i = 0; i < 12; i++) lab.written(next, 1, 100 + i);
    lab.release([]);
    lab.mend();
    // 1 must be sent a snapshot, and find itself with everybody else.
    lab.expectWork(1, 2, 3);
    assert.equal(`${voters(lab, 1)}`, "1,2,3");
  },
);

scenario("membership: a leader that removes itself leaves a group that elects another", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  assert.equal(lab.change(1, confChange([{ operation: "remove", id: 1 }])), "appended");
  lab.until("it steps down", () => !lab.leads(1));
  lab.expectWork(2, 3);
});

scenario("membership: the same change again changes nothing", { voters: 3 }, (lab) => {
  withLearners(lab);
  const change = confChange([{ operation: "add-voter", id: 4 }]);
  for (let i = 0; i < 3; i++) {
    assert.equal(lab.change(1, change), "appended");
    lab.run(500);
    assert.equal(`${voters(lab, 1)}`, "1,2,3,4");
  }
  lab.expectWork(1, 2, 3, 4, 5);
});

scenario(
  "membership: a removed member that never heard of it does not disturb the others",
  { voters: 4, plan: { raft: calmPlan(4).raft } },
  (lab) => {
    lab.elect(1);
    lab.settle(1, 2, 3, 4);
    lab.isolate(4);
    assert.equal(lab.change(1, confChange([{ operation: "remove", id: 4 }])), "appended");
    lab.until("4 is out", () => `${voters(lab, 1)}` === "1,2,3");
    lab.run(5000);
    lab.mend();
    const { term } = lab.process(1).engine.raw;
    lab.run(20_000);
    assert.equal(lab.process(1).engine.raw.term, term, "nobody had to campaign");
    assert(lab.leads(1));
  },
);
