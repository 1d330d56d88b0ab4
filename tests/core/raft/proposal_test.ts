import assert from "node:assert/strict";
import { confChange, LEAVE_JOINT } from "../../../core/raft/conf_change.ts";
import { bytes, only, TestMember } from "./test_member.ts";

const ADD_4 = confChange([{ operation: "add-voter", id: 4 }]);

/** A leader that has committed in its term. */
function leader(config: TestMember["config"] | Record<string, unknown> = {}): TestMember {
  const member = new TestMember({ config });
  member.lead();
  member.ackAll();
  return member;
}

Deno.test("propose: the leader says where the entry stands", () => {
  const member = leader();
  assert.deepEqual(member.engine.propose(bytes("a")), { kind: "appended", index: 2, term: 1 });
});

Deno.test("propose: a follower forwards if told to, and refuses otherwise", () => {
  const without = new TestMember();
  assert.deepEqual(without.engine.propose(bytes("a")), { kind: "refused", why: "no-leader" });
  without.step({ kind: "heartbeat", term: 1, commit: 0, round: 1 });
  assert.deepEqual(without.engine.propose(bytes("a")), { kind: "refused", why: "not-leader" });
  const forwarding = new TestMember({ config: { forwardProposals: true } });
  forwarding.step({ kind: "heartbeat", term: 1, commit: 0, round: 1 });
  assert.deepEqual(forwarding.engine.propose(bytes("a")), { kind: "forwarded", to: 2 });
  const [sent] = only(forwarding.settle(), "propose");
  assert.deepEqual([sent?.from, sent?.to, sent?.term, sent?.entries.length], [1, 2, 0, 1]);
});

Deno.test("propose: a forwarded proposal that is refused is dropped with the reason", () => {
  const entries = [{ type: "normal", data: bytes("a") }] as const;
  assert.equal(new TestMember().step({ kind: "propose", from: 3, entries }), "no-leader");
  assert.equal(leader().step({ kind: "propose", from: 3, entries }), undefined);
});

Deno.test("proposeConfChange: one at a time, the next only when the last is applied", () => {
  const member = leader();
  assert.equal(member.engine.proposeConfChange(ADD_4).kind, "appended");
  const second = member.engine.proposeConfChange(confChange([{ operation: "remove", id: 3 }]));
  assert.deepEqual(second, { kind: "voided", index: 3, term: 1, why: "change-pending" });
  member.settle();
  member.ackAll();
  assert.deepEqual(member.applied.map(({ type }) => type), ["normal", "conf-change-v2", "normal"]);
  assert.deepEqual(member.engine.status().membership.voters, [1, 2, 3, 4]);
});

Deno.test("proposeConfChange: not before the leader has committed in its term", () => {
  const member = new TestMember({ terms: [1] });
  member.lead();
  const result = member.engine.proposeConfChange(ADD_4);
  assert.equal(result.kind === "voided" && result.why, "change-pending");
  member.settle();
  member.ackAll();
  assert.equal(member.engine.proposeConfChange(ADD_4).kind, "appended");
});

Deno.test("proposeConfChange: what the membership does not allow is voided with the reason", () => {
  const remove = (...ids: number[]) => confChange(ids.map((id) => ({ operation: "remove", id })));
  for (const [change, why] of [[LEAVE_JOINT, "not-joint"], [remove(1, 2, 3), "no-voters"]] as const) {
    const result = leader().engine.proposeConfChange(change);
    assert.equal(result.kind === "voided" && result.why, why);
  }
  const joint = leader();
  joint.engine.proposeConfChange(confChange([{ operation: "remove", id: 3 }], "explicit"));
  joint.settle();
  joint.ackAll();
  const result = joint.engine.proposeConfChange(ADD_4);
  assert.equal(result.kind === "voided" && result.why, "must-leave-joint");
  assert.equal(joint.engine.proposeConfChange(LEAVE_JOINT).kind, "appended");
});

Deno.test("proposeConfChange: a forwarded change that cannot be read is voided", () => {
  const member = leader();
  member.step({ kind: "propose", from: 2, entries: [{ type: "conf-change-v2", data: bytes("?") }] });
  member.settle();
  member.ackAll();
  assert.deepEqual(member.applied.map(({ type, data }) => [type, data.length]), [["normal", 0], ["normal", 0]]);
});

Deno.test("propose: a change refused for its size does not block later ones", () => {
  const member = leader({ maxUncommittedBytes: 8 });
  member.engine.propose(bytes("12345678"));
  assert.deepEqual(member.engine.proposeConfChange(ADD_4), { kind: "refused", why: "too-busy" });
  member.settle();
  member.ackAll();
  assert.equal(member.engine.proposeConfChange(ADD_4).kind, "appended");
});

Deno.test("leaveJointIfDue: a joint configuration that ends by itself is left once, after it is applied", () => {
  const member = leader();
  member.engine.proposeConfChange(confChange([{ operation: "remove", id: 3 }], "implicit"));
  member.settle();
  member.ackAll();
  member.engine.tick();
  member.settle();
  assert.deepEqual(member.engine.status().lastIndex, 3, "one proposal to leave");
  member.ackAll();
  assert.deepEqual(member.engine.status().membership, {
    voters: [1, 2],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  });
});

Deno.test("leaveJointIfDue: is made up for when a transfer stood in the way", () => {
  const member = leader();
  member.engine.proposeConfChange(confChange([{ operation: "remove", id: 3 }], "implicit"));
  member.settle();
  assert.equal(member.engine.transferLeader(2), undefined);
  member.step({ kind: "append-ack", from: 3, index: 2 });
  member.settle();
  assert.equal(member.engine.status().lastIndex, 2, "refused while the transfer runs");
  for (let i = 0; i < 10; i++) member.engine.tick();
  assert.equal(member.engine.status().lastIndex, 3);
});
