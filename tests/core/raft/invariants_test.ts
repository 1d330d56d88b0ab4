import assert from "node:assert/strict";
import type { RaftState } from "../../../core/raft/state.ts";
import { confState, TestMember } from "./test_member.ts";

function broken(member: TestMember, breakIt: (r: RaftState) => void): void {
  member.engine.checkInvariants();
  breakIt(member.engine.inside);
  assert.throws(() => member.engine.checkInvariants(), { name: "InvariantError" });
}

function leader(): TestMember {
  const member = new TestMember();
  member.lead();
  return member;
}

Deno.test("checkState: notices a state that contradicts itself", () => {
  broken(new TestMember(), (r) => r.membership = confState({ voters: [2, 1] }));
  broken(new TestMember(), (r) => r.patienceTicks = 20);
  broken(new TestMember(), (r) => r.lead = 2);
  broken(new TestMember({ hardState: { term: 1 } }), (r) => r.lead = 1);
  broken(leader(), (r) => r.lead = 2);
  broken(leader(), (r) => r.vote = 2);
  broken(leader(), (r) => r.term = 0);
  broken(leader(), (r) => r.membership = confState({ voters: [1, 2] }));
  broken(leader(), (r) => r.role.kind === "leader" && r.role.peers.delete(3));
  broken(leader(), (r) => r.role.kind === "leader" && (r.role.transfer = { to: 1, ticksLeft: 1 }));
  broken(leader(), (r) => r.role.kind === "leader" && r.role.peers.get(2)?.advanceTo(9));
});
