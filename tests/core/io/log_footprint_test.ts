import { strict as assert } from "node:assert";
import { logFootprint } from "../../../core/io/log_footprint.ts";
import { openFileLogStore } from "../../../core/io/wal_log_store.ts";
import { entries, snapshotAt } from "../../conformance/log_store.ts";
import { MemoryDisk } from "../../twins/memory_disk.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const OPTIONS = { identity: "mesh/node", owner: "the first", log: new MemoryLog(), segmentBytes: 4096 };

Deno.test("logFootprint: segments, and the newest of the snapshots that are kept", async () => {
  const disk = new MemoryDisk(new SeededRandom(1));
  await using store = await openFileLogStore("/data/raft", disk, OPTIONS);
  assert.equal((await logFootprint(disk, "/data/raft")).snapshot, undefined);
  await store.append({ term: 1, vote: 1, commit: 12 }, entries(1, 1, 12), true);
  for (const index of [9, 11]) await store.saveSnapshot(snapshotAt(index, 1), 0);
  const footprint = await logFootprint(disk, "/data/raft");
  assert.equal(footprint.walBytes % 4096, 0);
  assert(footprint.walFileCount >= 1);
  assert.deepEqual([footprint.snapshot?.index, footprint.snapshot?.term], [11, 1]);
  assert.equal(footprint.snapshot?.bytes, snapshotAt(11, 1).data.length);
  assert.match(footprint.snapshot?.path ?? "", /^\/data\/raft\/snap\/0000000000000011-1-[0-9]+\.data$/);
});
