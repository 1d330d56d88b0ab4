import assert from "node:assert/strict";
import { confChange, type ConfChangeStep } from "../../../core/raft/conf_change.ts";
import { only, TestMember } from "./test_member.ts";

function ticks(member: TestMember, count: number): void {
  for (let i = 0; i < count; i++) member.engine.tick();
}

Deno.test("tick: a leader sends heartbeats at its interval", () => {
  const member = new TestMember({ config: { heartbeatTicks: 3 } });
  member.lead();
  ticks(member, 2);
  assert.deepEqual(member.settle(), []);
  ticks(member, 1);
  assert.deepEqual(only(member.settle(), "heartbeat").map(({ to }) => to), [2, 3]);
});

Deno.test("tick: a leader that heard nobody for an election timeout steps down", () => {
  const member = new TestMember({ config: { checkQuorum: true } });
  member.lead();
  ticks(member, 9);
  assert.equal(member.engine.status().role, "leader");
  ticks(member, 1);
  assert.deepEqual([member.engine.status().role, member.engine.status().leader], ["follower", 0]);
});

Deno.test("tick: one of two others is enough to stay", () => {
  const member = new TestMember({ config: { checkQuorum: true } });
  member.lead();
  for (let i = 0; i < 5; i++) {
    member.step({ kind: "heartbeat-response", from: 3, round: 0 });
    ticks(member, 10);
  }
  assert.equal(member.engine.status().role, "leader");
});

Deno.test("tick: learners keep nobody in office", () => {
  const member = new TestMember({ voters: [1, 2], learners: [3], config: { checkQuorum: true } });
  member.lead();
  ticks(member, 9);
  member.step({ kind: "heartbeat-response", from: 3, round: 0 });
  ticks(member, 1);
  assert.equal(member.engine.status().role, "follower");
});

Deno.test("ticksToAction: a leader's next heartbeat or quorum check, and only the latter if it is alone", () => {
  const member = new TestMember({ config: { heartbeatTicks: 3, checkQuorum: true } });
  member.lead();
  assert.equal(member.engine.ticksToAction(), 3);
  ticks(member, 2);
  assert.equal(member.engine.ticksToAction(), 1);
  ticks(member, 1 + 6);
  assert.equal(member.engine.ticksToAction(), 1, "nine of ten ticks without a quorum");
  const alone = new TestMember({ voters: [1], config: { heartbeatTicks: 3, checkQuorum: true } });
  alone.engine.campaign();
  alone.settle();
  assert.equal(alone.engine.status().role, "leader");
  assert.equal(alone.engine.ticksToAction(), 10);
});

Deno.test("ticksToAction: a follower's patience, and for ever if it may not campaign", () => {
  const follower = new TestMember();
  assert.equal(follower.engine.ticksToAction(), 10);
  ticks(follower, 4);
  assert.equal(follower.engine.ticksToAction(), 6);
  const learner = new TestMember({ voters: [2, 3], learners: [1] });
  assert.equal(learner.engine.ticksToAction(), Infinity);
});

Deno.test("ticksToAction: the end of a transfer, and every tick in a joint membership", () => {
  const member = new TestMember({ config: { heartbeatTicks: 9 } });
  member.lead();
  ticks(member, 5);
  member.engine.transferLeader(2);
  ticks(member, 7);
  assert.equal(member.engine.ticksToAction(), 3, "ten since the transfer began");
  const steps: ConfChangeStep[] = [{ operation: "add-voter", id: 4 }, { operation: "remove", id: 3 }];
  member.engine.applyConfChange(confChange(steps, "explicit"));
  assert.equal(member.engine.ticksToAction(), 1);
});
