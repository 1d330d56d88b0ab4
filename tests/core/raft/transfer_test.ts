import assert from "node:assert/strict";
import { bytes, only, TestMember } from "./test_member.ts";

const REFUSED = { kind: "refused", why: "transferring" };

function leader(): TestMember {
  const member = new TestMember({ learners: [4] });
  member.lead();
  member.ackAll();
  return member;
}

Deno.test("transferLeader: tells a voter that is up to date to campaign at once", () => {
  const member = leader();
  assert.equal(member.engine.transferLeader(2), undefined);
  assert.deepEqual(only(member.settle(), "timeout-now").map(({ to }) => to), [2]);
  assert.deepEqual(member.engine.propose(bytes("a")), REFUSED);
});

Deno.test("transferLeader: waits until the transferee has everything", () => {
  const member = leader();
  member.engine.propose(bytes("a"));
  member.engine.transferLeader(2);
  assert.deepEqual(only(member.settle(), "timeout-now"), []);
  member.step({ kind: "append-ack", from: 3, index: 2 });
  assert.deepEqual(only(member.settle(), "timeout-now"), []);
  member.step({ kind: "append-ack", from: 2, index: 2 });
  assert.deepEqual(only(member.settle(), "timeout-now").map(({ to }) => to), [2]);
});

Deno.test("transferLeader: only to voters, only to others, only once", () => {
  const member = leader();
  assert.equal(member.engine.transferLeader(4), "not-voter");
  assert.equal(member.engine.transferLeader(9), "not-voter");
  assert.equal(member.engine.transferLeader(1), "already-leader");
  assert.equal(member.engine.transferLeader(2), undefined);
  assert.equal(member.engine.transferLeader(2), "already-transferring");
  assert.equal(member.engine.transferLeader(3), undefined, "another one replaces it");
  assert.equal(member.engine.status().transferee, 3);
});

Deno.test("transferLeader: ends after one election timeout, counted from its start", () => {
  const member = leader();
  for (let i = 0; i < 5; i++) member.engine.tick();
  member.engine.transferLeader(2);
  for (let i = 0; i < 9; i++) member.engine.tick();
  assert.deepEqual(member.engine.propose(bytes("a")), REFUSED);
  member.engine.tick();
  assert.equal(member.engine.propose(bytes("a")).kind, "appended");
});

Deno.test("transferLeader: does not outlive the leadership", () => {
  const member = leader();
  member.engine.transferLeader(2);
  member.step({ kind: "heartbeat", from: 3, term: 2, commit: 0, round: 1 });
  member.lead();
  assert.equal(member.engine.status().transferee, 0);
  assert.equal(member.engine.propose(bytes("a")).kind, "appended");
});

Deno.test("transferLeader: ends when the transferee loses its vote", () => {
  const member = leader();
  member.engine.transferLeader(2);
  member.engine.applyConfChange({
    transition: "auto",
    steps: [{ operation: "remove", id: 2 }],
    context: new Uint8Array(0),
  });
  assert.equal(member.engine.status().transferee, 0);
});

Deno.test("transferLeader: a follower passes it on, if it knows to whom", () => {
  const member = new TestMember();
  assert.equal(member.engine.transferLeader(3), "no-leader");
  member.step({ kind: "heartbeat", term: 1, commit: 0, round: 1 });
  assert.equal(member.engine.transferLeader(3), undefined);
  const [sent] = only(member.settle(), "transfer-leader");
  assert.deepEqual([sent?.to, sent?.transferee], [2, 3]);
});

Deno.test("transfer: the transferee needs no pre-vote and overrides those who hear the leader", () => {
  const config = { preVote: true, checkQuorum: true };
  const transferee = new TestMember({ config });
  transferee.step({ kind: "heartbeat", term: 1, commit: 0, round: 1 });
  transferee.step({ kind: "timeout-now" });
  const [vote] = only(transferee.settle(), "vote");
  assert(vote?.transfer);
  const voter = new TestMember({ id: 3, config });
  voter.step({ kind: "heartbeat", term: 1, commit: 0, round: 1 });
  const ask = { kind: "vote", from: 1, term: 2, lastIndex: 0, lastTerm: 0 } as const;
  assert.equal(voter.step({ ...ask, transfer: false }), "leader-alive");
  assert.equal(voter.step({ ...ask, transfer: true }), undefined);
  assert(only(voter.settle(), "vote-response")[0]?.granted);
});
