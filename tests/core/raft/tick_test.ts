import assert from "node:assert/strict";
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
