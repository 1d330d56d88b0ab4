import assert from "node:assert/strict";
import { confChange } from "../../../core/raft/conf_change.ts";
import { bytes, only, TestMember } from "./test_member.ts";

const REMOVE_1 = confChange([{ operation: "remove", id: 1 }]);

Deno.test("switchMembership: a leader that loses its vote steps down, if told to", () => {
  for (const stepDownOnRemoval of [true, false]) {
    const member = new TestMember({ config: { stepDownOnRemoval } });
    member.lead();
    member.ackAll();
    member.engine.applyConfChange(REMOVE_1);
    assert.equal(member.engine.status().role, stepDownOnRemoval ? "follower" : "leader");
    const expected = stepDownOnRemoval ? "no-leader" : "not-member";
    assert.deepEqual(member.engine.propose(bytes("a")), { kind: "refused", why: expected });
  }
});

Deno.test("switchMembership: a smaller quorum commits what was waiting", () => {
  const member = new TestMember({ voters: [1, 2, 3, 4] });
  member.lead();
  member.step({ kind: "append-ack", from: 2, index: 1 });
  assert.equal(member.engine.status().hardState.commit, 0, "two of four");
  member.engine.applyConfChange(confChange([{ operation: "remove", id: 4 }]));
  assert.equal(member.engine.status().hardState.commit, 1, "two of three");
});

Deno.test("switchMembership: a new member is sent to at once, and what is known of the others stays", () => {
  const member = new TestMember();
  member.lead();
  member.ackAll();
  member.settle();
  member.engine.applyConfChange(confChange([{ operation: "add-learner", id: 5 }]));
  const sent = member.settle();
  assert.deepEqual(only(sent, "append").map(({ to }) => to), [5]);
  assert.deepEqual(member.engine.status().peers.map(({ id, match, learner }) => [id, match, learner]), [
    [1, 1, false],
    [2, 1, false],
    [3, 1, false],
    [5, 0, true],
  ]);
});

Deno.test("entriesApplied: makes room for further proposals", () => {
  const member = new TestMember({ voters: [1], config: { maxUncommittedBytes: 2 } });
  member.lead();
  member.engine.propose(bytes("12"));
  assert.equal(member.engine.propose(bytes("3")).kind, "refused");
  member.settle();
  assert.equal(member.engine.propose(bytes("3")).kind, "appended");
});
