import assert from "node:assert/strict";
import { only, TestMember } from "./test_member.ts";

const HEARTBEAT = { kind: "heartbeat", commit: 0, round: 1 } as const;

Deno.test("step: a newer term begins, with its leader if the message comes from one", () => {
  const member = new TestMember({ hardState: { term: 3, vote: 2 } });
  member.step({ ...HEARTBEAT, term: 5 });
  assert.deepEqual([member.engine.status().hardState.term, member.engine.status().leader], [5, 2]);
  member.step({ kind: "append-reject", from: 3, term: 7, index: 1, hintIndex: 0, hintTerm: 0 });
  assert.deepEqual([member.engine.status().hardState, member.engine.status().leader], [
    { term: 7, vote: 0, commit: 0 },
    0,
  ]);
});

Deno.test("step: a leader of an older term is told, where it could not find out otherwise", () => {
  for (const [preVote, checkQuorum, told] of [[false, false, 0], [true, false, 1], [false, true, 1]] as const) {
    const member = new TestMember({ hardState: { term: 3 }, config: { preVote, checkQuorum } });
    assert.equal(member.step({ ...HEARTBEAT, term: 2 }), "stale-term");
    assert.equal(only(member.settle(), "append-ack").filter(({ term }) => term === 3).length, told);
  }
});

Deno.test("step: a pre-vote of an older term is refused with the newer one", () => {
  const member = new TestMember({ hardState: { term: 3 } });
  const ask = { lastIndex: 9, lastTerm: 2, transfer: false };
  assert.equal(member.step({ kind: "pre-vote", term: 2, ...ask }), "stale-term");
  const [answer] = only(member.settle(), "pre-vote-response");
  assert.deepEqual([answer?.granted, answer?.term], [false, 3]);
});

Deno.test("step: with quorum checks a campaign is ignored while the leader is heard, and then not", () => {
  const member = new TestMember({ config: { checkQuorum: true } });
  member.step({ ...HEARTBEAT, term: 1 });
  const ask = { kind: "vote", from: 3, term: 2, lastIndex: 0, lastTerm: 0, transfer: false } as const;
  assert.equal(member.step(ask), "leader-alive");
  assert.equal(member.engine.status().hardState.term, 1);
  member.engine.forgetLeader();
  assert.equal(member.step(ask), undefined);
});

Deno.test("step: answers of strangers do not count", () => {
  const member = new TestMember();
  member.engine.campaign();
  member.settle();
  assert.equal(member.step({ kind: "vote-response", from: 9, granted: true }), "unknown-peer");
});

Deno.test("step: a candidate follows whoever won its term", () => {
  const member = new TestMember();
  member.engine.campaign();
  member.settle();
  member.step({ ...HEARTBEAT, from: 3 });
  assert.deepEqual([member.engine.status().role, member.engine.status().leader], ["follower", 3]);
});

Deno.test("step: two leaders in one term are reported, not followed", () => {
  const member = new TestMember();
  member.lead();
  for (const kind of ["heartbeat"] as const) assert.equal(member.step({ ...HEARTBEAT, kind }), "second-leader");
  assert.equal(member.engine.status().role, "leader");
});

Deno.test("step: what has no meaning in a role says so", () => {
  const follower = new TestMember();
  assert.equal(follower.step({ kind: "append-ack", term: 1, index: 0 }), "not-expected");
  assert.equal(follower.step({ kind: "vote-response", granted: true }), "not-expected");
  const candidate = new TestMember();
  candidate.engine.campaign();
  assert.equal(candidate.step({ kind: "timeout-now" }), "not-expected");
  const leader = new TestMember();
  leader.lead();
  assert.equal(leader.step({ kind: "vote-response", granted: true }), "not-expected");
  assert.equal(leader.step({ kind: "timeout-now" }), "not-expected");
});
