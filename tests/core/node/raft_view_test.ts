import assert from "node:assert/strict";
import { memberViews, quorumHeardMs } from "../../../core/node/raft_view.ts";
import type { PeerStatus, RaftStatus } from "../../../core/raft/status.ts";

const STATUS: RaftStatus = {
  id: 1,
  role: "follower",
  leader: 2,
  hardState: { term: 3, vote: 0, commit: 9 },
  appliedIndex: 9,
  firstIndex: 1,
  lastIndex: 10,
  membership: { voters: [1, 2, 3], learners: [4], votersOutgoing: [], learnersNext: [], autoLeave: false },
  transferee: 0,
  pendingReadsCount: 0,
  peers: [],
};

function peer(id: number, match: number): PeerStatus {
  return {
    id,
    state: "replicate",
    match,
    next: match + 1,
    learner: id === 4,
    paused: false,
    recentlyActive: true,
    pendingSnapshotIndex: 0,
    inflightCount: 0,
    inflightFull: false,
  };
}

Deno.test("memberViews: a leader knows how far behind everybody is, a follower does not", () => {
  const heard = new Map([[2, 900], [3, 400]]);
  const leads: RaftStatus = {
    ...STATUS,
    role: "leader",
    leader: 1,
    peers: [peer(1, 10), peer(2, 8), peer(3, 0), peer(4, 10)],
  };
  const views = memberViews(leads, [], 1000, (id) => heard.get(id));
  assert.deepEqual(views.map(({ role, lag, lastContactMs }) => [role, lag, lastContactMs]), [
    ["leader", 0n, undefined],
    ["voter", 2n, 100n],
    ["voter", 10n, 600n],
    ["learner", 0n, undefined],
  ]);
  const follows = memberViews(STATUS, [], 1000, (id) => heard.get(id));
  assert.deepEqual(follows.map(({ role, lag, matchIndex }) => [role, lag, matchIndex]), [
    ["voter", undefined, undefined],
    ["leader", undefined, undefined],
    ["voter", undefined, undefined],
    ["learner", undefined, undefined],
  ]);
});

Deno.test("memberViews: during a joint configuration everybody who counts is there, once", () => {
  const membership = {
    ...STATUS.membership,
    voters: [2, 5],
    votersOutgoing: [1, 2, 3],
    learners: [],
    learnersNext: [1],
  };
  const views = memberViews({ ...STATUS, membership }, [], 0, () => undefined);
  assert.deepEqual(views.map(({ raftId }) => raftId), [1n, 2n, 3n, 5n]);
});

Deno.test("quorumHeardMs: the time by which a majority was heard; at a follower its leader", () => {
  const heard = (times: Record<number, number>) => (id: number) => times[id];
  const leads: RaftStatus = { ...STATUS, role: "leader", leader: 1 };
  assert.equal(quorumHeardMs(leads, 1000, heard({ 2: 900, 3: 400 })), 900);
  assert.equal(quorumHeardMs(leads, 1000, heard({ 3: 400 })), 400);
  assert.equal(quorumHeardMs(leads, 1000, heard({ 4: 999 })), undefined, "a learner is no majority");
  assert.equal(quorumHeardMs(STATUS, 1000, heard({ 2: 700, 3: 999 })), 700);
  assert.equal(quorumHeardMs({ ...STATUS, leader: 0 }, 1000, heard({ 2: 700 })), undefined);
});
