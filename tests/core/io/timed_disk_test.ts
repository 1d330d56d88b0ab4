import assert from "node:assert/strict";
import { timedDisk } from "../../../core/io/timed_disk.ts";
import type { Disk, DiskFile } from "../../../core/seams/disk.ts";
import { openFileLogStore } from "../../../core/io/wal_log_store.ts";
import { ManualClock } from "../../twins/manual_clock.ts";
import { MemoryDisk } from "../../twins/memory_disk.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

Deno.test("timedDisk: syncs that succeeded are timed, all else is the disk's", async () => {
  const clock = new ManualClock();
  const memory = new MemoryDisk(new SeededRandom(1));
  let isBroken = false;
  const slow: Disk = {
    ...bound(memory),
    async open(path, mode) {
      const file = await memory.open(path, mode);
      return {
        ...boundFile(file),
        sync() {
          clock.advance(7);
          return isBroken ? Promise.reject(new Error("EIO")) : file.sync();
        },
      };
    },
  };
  const times: number[] = [];
  const disk = timedDisk(slow, clock, (durationMs) => times.push(durationMs));
  await disk.makeDirectory("/d");
  await using file = await disk.open("/d/f", "create");
  await file.write(new Uint8Array([1, 2]), 0);
  await file.sync();
  await disk.syncDirectory("/d");
  assert.deepEqual([await file.size(), times], [2, [7]]);
  isBroken = true;
  await assert.rejects(file.sync());
  assert.deepEqual(times, [7]);
});

Deno.test("openFileLogStore: each batch of the log is one sync that is told of, snapshots are not", async () => {
  let syncs = 0;
  const options = { identity: "a", owner: "test", log: new MemoryLog(), onSync: () => void syncs++ };
  await using store = await openFileLogStore("/log", new MemoryDisk(new SeededRandom(1)), options);
  const before = syncs;
  const hardState = { term: 1, vote: 1, commit: 0 };
  const entry = (index: number) => ({ type: "normal" as const, index, term: 1, data: new Uint8Array(8) });
  await store.append(hardState, [entry(1)], true);
  assert.equal(syncs, before + 1);
  await Promise.all([store.append(undefined, [entry(2)], true), store.append(undefined, [entry(3)], true)]);
  assert.equal(syncs, before + 2);
});

function bound(disk: Disk): Disk {
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    open: (path, mode) => disk.open(path, mode),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    lock: (path, owner) => disk.lock(path, owner),
  };
}

function boundFile(file: DiskFile): DiskFile {
  return {
    read: (target, position) => file.read(target, position),
    write: (bytes, position) => file.write(bytes, position),
    sync: () => file.sync(),
    size: () => file.size(),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}
