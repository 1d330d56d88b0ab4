import assert from "node:assert/strict";
import {
  CAUGHT_UP_ENTRIES_MAX,
  type MembershipStep,
  nextDemotion,
  nextMembershipStep,
  type PresentGroup,
  type PresentMember,
  votersWithoutRight,
  type WantedMember,
} from "../../../core/node/membership.ts";

const LAST_INDEX = 100;
const leader: PresentMember = { raftId: 1, voter: true, match: LAST_INDEX, recentlyActive: true, mayGo: true };
const wantedLeader = { raftId: 1, mayVote: true };

function step(
  wanted: readonly WantedMember[],
  members: readonly PresentMember[],
  lastIndex = LAST_INDEX,
): MembershipStep | undefined {
  return nextMembershipStep(wanted, { members, leaderId: 1, lastIndex });
}

Deno.test("nextMembershipStep: a newcomer is a learner first", () => {
  assert.deepEqual(step([wantedLeader, { raftId: 2, mayVote: true }], [leader]), { kind: "add-learner", raftId: 2 });
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
  assert.deepEqual(step(wanted, [leader, learner]), { kind: "promote", raftId: 2 });
  assert.equal(step(wanted, [leader, { ...learner, match: learner.match - 1 }]), undefined);
  assert.equal(step(wanted, [leader, { ...learner, recentlyActive: false }]), undefined);
  assert.equal(step([wantedLeader, { raftId: 2, mayVote: false }], [leader, learner]), undefined);
});

Deno.test("nextMembershipStep: a learner that never acknowledged anything is not promoted, however short the log", () => {
  const learner: PresentMember = { raftId: 2, voter: false, match: 0, recentlyActive: true, mayGo: true };
  const wanted = [wantedLeader, { raftId: 2, mayVote: true }];
  assert.equal(step(wanted, [leader, learner], 5), undefined);
  assert.deepEqual(step(wanted, [leader, { ...learner, match: 1 }], 5), { kind: "promote", raftId: 2 });
});

Deno.test("nextMembershipStep: who left is removed, but never the last voter", () => {
  const second: PresentMember = { ...leader, raftId: 2 };
  assert.deepEqual(step([wantedLeader], [leader, second]), { kind: "remove", raftId: 2 });
  assert.equal(step([], [leader]), undefined);
});

Deno.test("nextMembershipStep: who has not heard that it left stays, and keeps nobody else from going or coming", () => {
  const unaware: PresentMember = { ...leader, raftId: 2, mayGo: false };
  const third: PresentMember = { ...leader, raftId: 3 };
  assert.equal(step([wantedLeader], [leader, unaware]), undefined);
  assert.deepEqual(step([wantedLeader], [leader, unaware, third]), { kind: "remove", raftId: 3 });
  assert.deepEqual(step([wantedLeader, { raftId: 4, mayVote: true }], [leader, unaware]), {
    kind: "add-learner",
    raftId: 4,
  });
});

/** Voters 1 (leads) to `count`; `down` are down, `behind` lack too much of the log. */
function voters(count: number, { down = [], behind = [] }: { down?: number[]; behind?: number[] } = {}): PresentGroup {
  const members = Array.from({ length: count }, (_, i) => i + 1).map((raftId) => ({
    ...leader,
    raftId,
    recentlyActive: !down.includes(raftId),
    match: behind.includes(raftId) ? LAST_INDEX - CAUGHT_UP_ENTRIES_MAX - 1 : LAST_INDEX,
  }));
  return { members, leaderId: 1, lastIndex: LAST_INDEX };
}

function allBut(count: number, denied: readonly number[]): WantedMember[] {
  return Array.from({ length: count }, (_, i) => ({ raftId: i + 1, mayVote: !denied.includes(i + 1) }));
}

Deno.test("nextDemotion: a voter that lost its right is demoted, never the last one", () => {
  assert.deepEqual(nextDemotion(allBut(2, [2]), voters(2)), { kind: "demote", raftId: 2 });
  assert.deepEqual(nextMembershipStep(allBut(2, [2]), voters(2)), { kind: "demote", raftId: 2 });
  assert.equal(nextDemotion(allBut(1, [1]), voters(1)), undefined);
  assert.equal(nextDemotion(allBut(3, []), voters(3)), undefined);
});

Deno.test("nextDemotion: not below a majority of voters that are up and have the log", () => {
  assert.equal(nextDemotion(allBut(3, [2]), voters(3, { down: [3] })), undefined);
  assert.equal(nextDemotion(allBut(3, [2]), voters(3, { behind: [3] })), undefined);
  assert.deepEqual(nextDemotion(allBut(5, [2]), voters(5, { down: [5] })), { kind: "demote", raftId: 2 });
  assert.equal(nextDemotion(allBut(5, [2]), voters(5, { down: [4, 5] })), undefined);
});

Deno.test("nextDemotion: who is down goes first, because that makes room for others", () => {
  assert.deepEqual(nextDemotion(allBut(5, [2, 5]), voters(5, { down: [4, 5] })), { kind: "demote", raftId: 5 });
  const four = voters(5, { down: [4, 5] });
  const rest = { ...four, members: four.members.filter(({ raftId }) => raftId !== 5) };
  assert.deepEqual(nextDemotion(allBut(4, [2]), rest), { kind: "demote", raftId: 2 });
});

Deno.test("nextDemotion: the leader hands over, last, to the longest log of those that may vote", () => {
  assert.deepEqual(nextDemotion(allBut(3, [1, 2]), voters(3)), { kind: "demote", raftId: 2 });
  const group = voters(3);
  const members = group.members.map((member) => member.raftId === 2 ? { ...member, match: LAST_INDEX - 1 } : member);
  assert.deepEqual(nextDemotion(allBut(3, [1]), { ...group, members }), { kind: "hand-over", raftId: 3 });
  assert.equal(nextDemotion(allBut(3, [1]), voters(3, { down: [3] })), undefined);
});

Deno.test("nextDemotion: if nobody may vote, the leader stays and is the only one", () => {
  let group = voters(3);
  const wanted = allBut(3, [1, 2, 3]);
  const demoted: number[] = [];
  for (let next = nextDemotion(wanted, group); next; next = nextDemotion(wanted, group)) {
    assert.equal(next.kind, "demote");
    demoted.push(next.raftId);
    const { raftId } = next;
    group = {
      ...group,
      members: group.members.map((member) => member.raftId === raftId ? { ...member, voter: false } : member),
    };
  }
  assert.deepEqual(demoted, [2, 3]);
  assert.deepEqual(votersWithoutRight(wanted, group), [1]);
});

Deno.test("votersWithoutRight: voters of the mesh only, not those that have left it", () => {
  assert.deepEqual(votersWithoutRight(allBut(2, [2]), voters(3)), [2]);
});

Deno.test("nextMembershipStep: nothing to do is nothing", () => {
  assert.equal(step([wantedLeader], [leader]), undefined);
});
