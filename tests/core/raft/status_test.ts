import assert from "node:assert/strict";
import { TestMember } from "./test_member.ts";

Deno.test("statusOf: a follower knows itself, a leader everybody", () => {
  const member = new TestMember({ learners: [4], terms: [1, 1], hardState: { commit: 1 } });
  member.settle();
  const before = member.engine.status();
  assert.deepEqual([before.role, before.leader, before.peers, before.appliedIndex], ["follower", 0, [], 1]);
  assert.deepEqual([before.firstIndex, before.lastIndex, before.hardState], [1, 2, { term: 1, vote: 0, commit: 1 }]);
  member.lead();
  member.ackAll([2]);
  const after = member.engine.status();
  assert.deepEqual([after.role, after.leader, after.transferee, after.pendingReadsCount], ["leader", 1, 0, 0]);
  assert.deepEqual(after.peers.map(({ id, state, match, learner }) => [id, state, match, learner]), [
    [1, "replicate", 3, false],
    [2, "replicate", 3, false],
    [3, "probe", 0, false],
    [4, "probe", 0, true],
  ]);
});
