import assert from "node:assert/strict";
import { CAUGHT_UP_ENTRIES_MAX, nextMembershipStep, type PresentMember } from "../../../core/node/membership.ts";

const leader: PresentMember = { raftId: 1, voter: true, match: 100, recentlyActive: true, mayGo: true };
const wantedLeader = { raftId: 1, mayVote: true };

Deno.test("nextMembershipStep: a newcomer is a learner first", () => {
  const step = nextMembershipStep([wantedLeader, { raftId: 2, mayVote: true }], [leader], 100);
  assert.deepEqual(step, { kind: "add-learner", raftId: 2 });
});

Deno.test("nextMembershipStep: a learner is promoted only when it may vote, answers and has caught up", () => {
  const learner: PresentMember = {
    raftId: 2,
    voter: false,
    match: 100 - CAUGHT_UP_ENTRIES_MAX,
    recentlyActive: true,
    mayGo: true,
  };
  const wanted = [wantedLeader, { raftId: 2, mayVote: true }];
  assert.deepEqual(nextMembershipStep(wanted, [leader, learner], 100), { kind: "promote", raftId: 2 });
  assert.equal(nextMembershipStep(wanted, [leader, { ...learner, match: learner.match - 1 }], 100), undefined);
  assert.equal(nextMembershipStep(wanted, [leader, { ...learner, recentlyActive: false }], 100), undefined);
  assert.equal(nextMembershipStep([wantedLeader, { raftId: 2, mayVote: false }], [leader, learner], 100), undefined);
});

Deno.test("nextMembershipStep: a learner that never acknowledged anything is not promoted, however short the log", () => {
  const learner: PresentMember = { raftId: 2, voter: false, match: 0, recentlyActive: true, mayGo: true };
  const wanted = [wantedLeader, { raftId: 2, mayVote: true }];
  assert.equal(nextMembershipStep(wanted, [leader, learner], 5), undefined);
  assert.deepEqual(nextMembershipStep(wanted, [leader, { ...learner, match: 1 }], 5), { kind: "promote", raftId: 2 });
});

Deno.test("nextMembershipStep: who left is removed, but never the last voter", () => {
  const second: PresentMember = { ...leader, raftId: 2 };
  assert.deepEqual(nextMembershipStep([wantedLeader], [leader, second], 100), { kind: "remove", raftId: 2 });
  assert.equal(nextMembershipStep([], [leader], 100), undefined);
});

Deno.test("nextMembershipStep: who has not heard that it left stays, and keeps nobody else from going or coming", () => {
  const unaware: PresentMember = { ...leader, raftId: 2, mayGo: false };
  const third: PresentMember = { ...leader, raftId: 3 };
  assert.equal(nextMembershipStep([wantedLeader], [leader, unaware], 100), undefined);
  assert.deepEqual(nextMembershipStep([wantedLeader], [leader, unaware, third], 100), { kind: "remove", raftId: 3 });
  assert.deepEqual(nextMembershipStep([wantedLeader, { raftId: 4, mayVote: true }], [leader, unaware], 100), {
    kind: "add-learner",
    raftId: 4,
  });
});

Deno.test("nextMembershipStep: a voter that lost its right is demoted, never the last one", () => {
  const second: PresentMember = { ...leader, raftId: 2 };
  const wanted = [wantedLeader, { raftId: 2, mayVote: false }];
  assert.deepEqual(nextMembershipStep(wanted, [leader, second], 100), { kind: "demote", raftId: 2 });
  assert.equal(nextMembershipStep([{ raftId: 1, mayVote: false }], [leader], 100), undefined);
});

Deno.test("nextMembershipStep: nothing to do is nothing", () => {
  assert.equal(nextMembershipStep([wantedLeader], [leader], 100), undefined);
});
