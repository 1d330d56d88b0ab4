import assert from "node:assert/strict";
import { becomeFollower, enterTerm, hasCommittedInTerm, isPromotable, send } from "../../../core/raft/state.ts";
import { TestMember } from "./test_member.ts";

Deno.test("enterTerm: a new term forgets the vote, the same term does not, an old one is a bug", () => {
  const r = new TestMember({ hardState: { term: 3, vote: 2 } }).engine.inside;
  r.lead = 2;
  r.electionElapsed = 5;
  enterTerm(r, 3);
  assert.deepEqual([r.vote, r.lead, r.electionElapsed], [2, 0, 0]);
  enterTerm(r, 4);
  assert.deepEqual([r.term, r.vote], [4, 0]);
  assert.throws(() => enterTerm(r, 3), { name: "InvariantError" });
});

Deno.test("becomeFollower: nothing of a leadership is left", () => {
  const member = new TestMember();
  member.lead();
  becomeFollower(member.engine.inside, 2, 3);
  assert.deepEqual(member.engine.inside.role, { kind: "follower" });
  assert.equal(member.engine.inside.lead, 3);
});

Deno.test("send: what is addressed to the member itself waits for its write", () => {
  const r = new TestMember().engine.inside;
  assert.throws(() => send(r, { kind: "timeout-now", from: 1, to: 1, term: 1 }), { name: "InvariantError" });
});

Deno.test("isPromotable: voters of either half", () => {
  assert(isPromotable(new TestMember().engine.inside));
  assert(!isPromotable(new TestMember({ voters: [2], learners: [1] }).engine.inside));
});

Deno.test("hasCommittedInTerm: the last committed entry is of this term", () => {
  const member = new TestMember({ terms: [1], hardState: { commit: 1 } });
  member.lead();
  assert(!hasCommittedInTerm(member.engine.inside));
  member.ackAll();
  assert(hasCommittedInTerm(member.engine.inside));
});
