import { strict as assert } from "node:assert";
import {
  SLOW_FOR_TICKS,
  SLOW_WRITE_TICKS,
  SLOW_WRITES_MIN,
  SlowDisk,
  YIELD_REST_TICKS,
} from "../../../core/node/slow_disk.ts";
import type { PeerStatus, RaftStatus } from "../../../core/raft/status.ts";

const PEER: PeerStatus = {
  id: 1,
  state: "replicate",
  match: 9,
  next: 10,
  learner: false,
  paused: false,
  recentlyActive: true,
  pendingSnapshotIndex: 0,
  inflightCount: 0,
  inflightFull: false,
};

function leader(changes: Partial<RaftStatus> = {}, ...others: Partial<PeerStatus>[]): RaftStatus {
  return {
    id: 1,
    role: "leader",
    leader: 1,
    hardState: { term: 1, vote: 1, commit: 9 },
    appliedIndex: 9,
    firstIndex: 1,
    lastIndex: 12,
    membership: { voters: [1, 2, 3], learners: [4], votersOutgoing: [], learnersNext: [], autoLeave: false },
    transferee: 0,
    pendingReadsCount: 0,
    peers: [{ ...PEER, match: 12 }, ...others.map((peer) => ({ ...PEER, ...peer }))],
    ...changes,
  };
}

const HEALTHY = leader({}, { id: 2, match: 10 }, { id: 3, match: 11 });

function write(disk: SlowDisk, ticks: number): void {
  const began = disk.begin();
  for (let i = 0; i < ticks; i++) disk.tick();
  disk.wrote(began);
}

function slowFor(disk: SlowDisk, ticks: number): void {
  for (let passed = 0; passed < ticks; passed += SLOW_WRITE_TICKS) write(disk, SLOW_WRITE_TICKS);
}

Deno.test("SlowDisk: a leader yields to the voter that has most of the log once its disk was slow for long", () => {
  const disk = new SlowDisk();
  slowFor(disk, SLOW_FOR_TICKS - SLOW_WRITE_TICKS);
  assert.equal(disk.heir(HEALTHY), undefined);
  write(disk, SLOW_WRITE_TICKS);
  assert.equal(disk.heir(HEALTHY), 3);
});

Deno.test("SlowDisk: one write that is quick enough starts the count anew, and few slow ones are no reason", () => {
  const disk = new SlowDisk();
  slowFor(disk, SLOW_FOR_TICKS * 2);
  write(disk, SLOW_WRITE_TICKS - 1);
  write(disk, SLOW_WRITE_TICKS);
  assert.equal(disk.heir(HEALTHY), undefined);
  const rare = new SlowDisk();
  for (let i = 1; i < SLOW_WRITES_MIN; i++) write(rare, SLOW_FOR_TICKS);
  assert.equal(rare.heir(HEALTHY), undefined);
  write(rare, SLOW_FOR_TICKS);
  assert.equal(rare.heir(HEALTHY), 3);
});

Deno.test("YIELD_REST_TICKS: a leader does not yield again for so long", () => {
  const disk = new SlowDisk();
  slowFor(disk, SLOW_FOR_TICKS);
  assert.equal(disk.heir(HEALTHY), 3);
  slowFor(disk, YIELD_REST_TICKS - SLOW_WRITE_TICKS);
  assert.equal(disk.heir(HEALTHY), undefined);
  write(disk, SLOW_WRITE_TICKS);
  assert.equal(disk.heir(HEALTHY), 3);
});

Deno.test("SlowDisk: nobody yields to a voter that is not up to date, a learner, or in the middle of a change", () => {
  const disk = new SlowDisk();
  slowFor(disk, SLOW_FOR_TICKS);
  const { membership } = HEALTHY;
  const refused: RaftStatus[] = [
    leader(),
    leader({}, { id: 2, match: 8 }),
    leader({}, { id: 2, recentlyActive: false }),
    leader({}, { id: 2, state: "probe" }),
    leader({}, { id: 4, learner: true }),
    leader({ membership: { ...membership, votersOutgoing: [1, 2] } }, { id: 2 }),
    leader({ transferee: 2 }, { id: 2 }),
    leader({ role: "follower", peers: [] }),
  ];
  for (const status of refused) assert.equal(disk.heir(status), undefined);
  assert.equal(disk.heir(leader({}, { id: 2, match: 9 })), 2, "asking in vain is not yielding");
});
