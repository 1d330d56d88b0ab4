import assert from "node:assert/strict";
import fc from "fast-check";
import { confChange, type ConfChangeStep } from "../../../core/raft/conf_change.ts";
import {
  changeMembership,
  changeSimply,
  EMPTY_MEMBERSHIP,
  enterJoint,
  isJoint,
  isMember,
  isMembership,
  isVoter,
  leaveJoint,
  memberIds,
  type MembershipResult,
  voterIds,
} from "../../../core/raft/membership.ts";
import type { ConfState } from "../../../core/seams/log_store.ts";
import { confState } from "./test_member.ts";

const step: fc.Arbitrary<ConfChangeStep> = fc.record({
  operation: fc.constantFrom("add-voter", "add-learner", "remove", "update"),
  id: fc.integer({ min: 0, max: 6 }),
});
const change = fc.tuple(fc.array(step, { maxLength: 4 }), fc.constantFrom("auto", "implicit", "explicit"))
  .map(([steps, transition]) => confChange(steps, transition));

function changed(result: MembershipResult): ConfState {
  assert(result.kind === "changed", JSON.stringify(result));
  return result.confState;
}

function refusal(result: MembershipResult): string {
  assert(result.kind === "refused", JSON.stringify(result));
  return result.why;
}

/** Every pair of deciding sets has somebody in common. */
function quorumsMeet(a: ConfState, b: ConfState): boolean {
  const all = [...new Set([...voterIds(a), ...voterIds(b)])];
  const wins = (conf: ConfState, set: number) => {
    const has = (id: number) => (set >> all.indexOf(id) & 1) === 1;
    return [conf.voters, conf.votersOutgoing].every((half) =>
      half.length === 0 || half.filter(has).length * 2 > half.length
    );
  };
  const full = (1 << all.length) - 1;
  for (let set = 0; set <= full; set++) {
    // If `set` decides in `a`, then nobody outside of it may be able to decide in `b`.
    if (wins(a, set) && wins(b, full & ~set)) return false;
  }
  return true;
}

Deno.test("changeMembership: from a legal membership only to legal ones, whose quorums meet", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      let conf = confState({ voters: [1, 2, 3] });
      for (const next of changes) {
        const result = changeMembership(conf, next);
        if (result.kind === "refused") continue;
        assert(isMembership(result.confState), JSON.stringify(result.confState));
        assert(quorumsMeet(conf, result.confState), JSON.stringify([conf, result.confState]));
        conf = result.confState;
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("changeMembership: a change without steps leaves, one step is simple, more are joint", () => {
  const conf = confState({ voters: [1, 2] });
  assert.equal(refusal(changeMembership(conf, confChange([]))), "not-joint");
  const one = changed(changeMembership(conf, confChange([{ operation: "add-voter", id: 3 }])));
  assert.deepEqual(one, confState({ voters: [1, 2, 3] }));
  const two = changed(
    changeMembership(conf, confChange([{ operation: "add-voter", id: 3 }, { operation: "remove", id: 1 }])),
  );
  assert.deepEqual(two, confState({ voters: [2, 3], votersOutgoing: [1, 2], autoLeave: true }));
  const explicit = changed(changeMembership(conf, confChange([{ operation: "remove", id: 1 }], "explicit")));
  assert.deepEqual(explicit, confState({ voters: [2], votersOutgoing: [1, 2] }));
});

Deno.test("enterJoint, leaveJoint: a demoted voter waits until the joint configuration is left", () => {
  const joint = changed(enterJoint(confState({ voters: [1, 2] }), [{ operation: "add-learner", id: 1 }], false));
  assert.deepEqual(joint, confState({ voters: [2], votersOutgoing: [1, 2], learnersNext: [1] }));
  assert(isVoter(joint, 1));
  assert.deepEqual(changed(leaveJoint(joint)), confState({ voters: [2], learners: [1] }));
});

Deno.test("changeSimply: refuses what needs a joint configuration, and what would leave nobody", () => {
  const conf = confState({ voters: [1, 2] });
  const both: ConfChangeStep[] = [{ operation: "add-voter", id: 3 }, { operation: "remove", id: 2 }];
  assert.equal(refusal(changeSimply(conf, both)), "needs-joint");
  assert.equal(refusal(changeSimply(confState({ voters: [1] }), [{ operation: "remove", id: 1 }])), "no-voters");
  assert.equal(refusal(enterJoint(EMPTY_MEMBERSHIP, [{ operation: "add-voter", id: 1 }], true)), "no-configuration");
});

Deno.test("changeSimply: joint configurations are left before anything else", () => {
  const joint = confState({ voters: [1], votersOutgoing: [1, 2] });
  assert.equal(refusal(changeSimply(joint, [])), "must-leave-joint");
  assert.equal(refusal(enterJoint(joint, [], true)), "must-leave-joint");
});

Deno.test("isMembership: refuses lists that contradict each other", () => {
  assert(isMembership(EMPTY_MEMBERSHIP));
  for (
    const bad of [
      confState({ voters: [2, 1] }),
      confState({ voters: [1, 1] }),
      confState({ voters: [1], learners: [1] }),
      confState({ voters: [1], votersOutgoing: [2], learners: [2] }),
      confState({ voters: [1], learnersNext: [2] }),
      confState({ voters: [1], votersOutgoing: [1], learnersNext: [1] }),
      confState({ voters: [], votersOutgoing: [1] }),
      confState({ voters: [1], autoLeave: true }),
      confState({ learners: [1] }),
    ]
  ) {
    assert(!isMembership(bad), JSON.stringify(bad));
  }
});

Deno.test("memberIds, voterIds, isMember: everybody once, ascending", () => {
  const conf = confState({ voters: [2, 4], votersOutgoing: [1, 2], learners: [3] });
  assert.deepEqual(voterIds(conf), [1, 2, 4]);
  assert.deepEqual(memberIds(conf), [1, 2, 3, 4]);
  assert(isMember(conf, 3) && !isVoter(conf, 3) && !isMember(conf, 5) && isJoint(conf));
});
