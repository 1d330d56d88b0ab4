import assert from "node:assert/strict";
import { SNAPSHOT_RESUME_TICKS, SNAPSHOT_TICKS_MAX, SnapshotStalls } from "../../../core/node/snapshot_stalls.ts";
import type { RaftEngine } from "../../../core/raft/engine.ts";
import type { PeerStatus, RaftStatus } from "../../../core/raft/status.ts";

const FOLLOWER: PeerStatus = {
  id: 0,
  state: "replicate",
  match: 0,
  next: 1,
  learner: false,
  paused: false,
  recentlyActive: true,
  pendingSnapshotIndex: 0,
  inflightCount: 0,
  inflightFull: false,
};

function engine(role: RaftStatus["role"], peers: Partial<PeerStatus>[]) {
  const reported: number[] = [];
  const status: RaftStatus = {
    id: 1,
    role,
    leader: 1,
    hardState: { term: 1, vote: 1, commit: 1 },
    appliedIndex: 1,
    firstIndex: 1,
    lastIndex: 1,
    membership: { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
    transferee: 0,
    pendingReadsCount: 0,
    peers: peers.map((peer) => ({ ...FOLLOWER, ...peer })),
  };
  const fake: Pick<RaftEngine, "status" | "reportSnapshot"> = {
    status: () => status,
    reportSnapshot: (id, delivered) => {
      assert.equal(delivered, false);
      reported.push(id);
    },
  };
  return { fake, reported };
}

Deno.test("SnapshotStalls: a snapshot without an answer is reported lost, once per wait", () => {
  const stalls = new SnapshotStalls();
  const { fake, reported } = engine("leader", [
    { id: 2, state: "snapshot", pendingSnapshotIndex: 9 },
    { id: 3, state: "replicate", pendingSnapshotIndex: 0 },
  ]);
  for (let tick = 0; tick < SNAPSHOT_TICKS_MAX; tick++) stalls.tick(fake);
  assert.deepEqual(reported, []);
  stalls.tick(fake);
  assert.deepEqual(reported, [2]);
  for (let tick = 0; tick < SNAPSHOT_TICKS_MAX; tick++) stalls.tick(fake);
  assert.deepEqual(reported, [2]);
});

Deno.test("SnapshotStalls: progress, another snapshot or another role start the wait anew", () => {
  const stalls = new SnapshotStalls();
  const waiting = (index: number) => engine("leader", [{ id: 2, state: "snapshot", pendingSnapshotIndex: index }]).fake;
  for (let tick = 0; tick < SNAPSHOT_TICKS_MAX; tick++) stalls.tick(waiting(9));
  stalls.tick(engine("follower", []).fake);
  const after = engine("leader", [{ id: 2, state: "snapshot", pendingSnapshotIndex: 9 }]);
  stalls.tick(after.fake);
  stalls.tick(waiting(10));
  stalls.tick(after.fake);
  assert.deepEqual(after.reported, []);
});

Deno.test("SnapshotStalls.moved: a part that arrives starts the wait anew", () => {
  const stalls = new SnapshotStalls();
  const { fake, reported } = engine("leader", [{ id: 2, state: "snapshot", pendingSnapshotIndex: 9 }]);
  for (let tick = 0; tick < SNAPSHOT_TICKS_MAX; tick++) stalls.tick(fake);
  stalls.moved(2);
  for (let tick = 0; tick < SNAPSHOT_TICKS_MAX; tick++) stalls.tick(fake);
  assert.deepEqual(reported, []);
  stalls.tick(fake);
  assert.deepEqual(reported, [2]);
});

Deno.test("SnapshotStalls.oldest: what is under way, and for a while what was lost, until it has arrived", () => {
  const stalls = new SnapshotStalls();
  const sending = engine("leader", [
    { id: 2, state: "snapshot", pendingSnapshotIndex: 9 },
    { id: 3, state: "snapshot", pendingSnapshotIndex: 12 },
  ]).fake;
  assert.equal(stalls.oldest(sending), 9);
  const lost = engine("leader", [{ id: 2, state: "probe", match: 4 }, { id: 3, state: "replicate", match: 12 }]).fake;
  for (let tick = 0; tick < SNAPSHOT_RESUME_TICKS; tick++) stalls.tick(lost);
  assert.equal(stalls.oldest(lost), 9);
  stalls.tick(lost);
  assert.equal(stalls.oldest(lost), undefined);
  assert.equal(stalls.oldest(sending), 9);
  assert.equal(stalls.oldest(engine("leader", [{ id: 2, state: "replicate", match: 9 }]).fake), undefined);
  assert.equal(stalls.oldest(sending), 9);
  assert.equal(stalls.oldest(engine("follower", []).fake), undefined);
});
