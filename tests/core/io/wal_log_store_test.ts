/**
 * The file log store on both disks: the contract, snapshots and their fallback, segments, locks, limits.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { InvariantError } from "../../../core/assert.ts";
import { openDisk } from "../../../core/io/disk_deno.ts";
import { openFileLogStore } from "../../../core/io/wal_log_store.ts";
import { ENTRY_BYTES_MAX } from "../../../core/io/wal_record.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { CorruptLogError, type LogStore, type StoredLog } from "../../../core/seams/log_store.ts";
import { entries, snapshotAt, testLogStore } from "../../conformance/log_store.ts";
import { MemoryDisk } from "../../twins/memory_disk.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const OPTIONS = { identity: "mesh/node", owner: "the first", log: new MemoryLog(), segmentBytes: 4096 };

testLogStore("openFileLogStore on a disk in memory", () => {
  const disk = new MemoryDisk(new SeededRandom(1));
  return Promise.resolve({
    open: () => openFileLogStore("/data/raft", disk, OPTIONS),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

testLogStore("openFileLogStore on the real disk", async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-wal-" });
  const disk = openDisk();
  return {
    open: () => openFileLogStore(`${directory}/raft`, disk, OPTIONS),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
});

function emptyDisk(): MemoryDisk {
  return new MemoryDisk(new SeededRandom(1));
}

function open(disk: MemoryDisk, log = new MemoryLog()): Promise<LogStore> {
  return openFileLogStore("/data/raft", disk, { ...OPTIONS, log });
}

async function storedOn(disk: MemoryDisk, log?: MemoryLog): Promise<StoredLog> {
  await using store = await open(disk, log);
  return store.stored;
}

function segmentsOn(disk: MemoryDisk): string[] {
  return disk.files().map(({ path }) => path).filter((path) => path.endsWith(".wal"));
}

function snapshotFilesOn(disk: MemoryDisk): string[] {
  return disk.files().map(({ path }) => path).filter((path) => path.startsWith("/data/raft/snap/"));
}

/** Appends entries `from` to `to`, one batch each, without a change of the hard state. */
async function appendEach(store: LogStore, from: number, to: number, data = new Uint8Array(600)): Promise<void> {
  for (let index = from; index <= to; index++) await store.append(undefined, entries(1, index, index, data), true);
}

Deno.test("openFileLogStore: covered segments go, and the rest remembers hard state and both snapshots", async () => {
  const disk = emptyDisk();
  {
    await using store = await open(disk);
    await store.append({ term: 1, vote: 7, commit: 0 }, [], true);
    await appendEach(store, 1, 60);
    await store.append({ term: 1, vote: 7, commit: 60 }, [], true);
    await store.saveSnapshot(snapshotAt(20, 1), 0);
    assert(segmentsOn(disk).length > 10, "one snapshot is not enough to drop anything");
    await store.saveSnapshot(snapshotAt(50, 1), 5);
    await appendEach(store, 61, 100);
    // The segments that hold the records of votes and snapshots go too.
    await store.append({ term: 1, vote: 7, commit: 100 }, [], true);
    await store.saveSnapshot(snapshotAt(90, 1), 0);
    await store.saveSnapshot(snapshotAt(95, 1), 0);
    await appendEach(store, 101, 120);
  }
  assert(segmentsOn(disk).length < 20, segmentsOn(disk).join());
  assert.equal(snapshotFilesOn(disk).length, 4);
  const stored = await storedOn(disk);
  assert.deepEqual(stored.hardState, { term: 1, vote: 7, commit: 100 });
  assert.deepEqual(stored.snapshot, snapshotAt(95, 1));
  assert.deepEqual(stored.entries.map(({ index }) => index), [...Array(25).keys()].map((i) => 96 + i));
});

Deno.test("openFileLogStore: the older snapshot is remembered when the segment with its record is gone", async () => {
  const disk = emptyDisk();
  {
    const options = { ...OPTIONS, segmentBytes: 8192 };
    await using store = await openFileLogStore("/data/raft", disk, options);
    for (let index = 1; index <= 4; index++) {
      await store.append({ term: 1, vote: 1, commit: index }, entries(1, index, index, new Uint8Array(5000)), true);
      await store.saveSnapshot(snapshotAt(index, 1), 0);
    }
  }
  assert.equal(segmentsOn(disk).length, 1);
  const newest = snapshotFilesOn(disk).find((path) => /0004-1-[0-9]+\.data$/.test(path)) ?? "";
  disk.flipBit(newest, 0, 0);
  const stored = await storedOn(disk);
  assert.deepEqual(stored.snapshot, snapshotAt(3, 1));
  assert.deepEqual(stored.entries.map(({ index }) => index), [4]);
});

Deno.test("openFileLogStore: a snapshot that does not verify is replaced by the older one and the entries behind it", async () => {
  const disk = emptyDisk();
  {
    await using store = await open(disk);
    await store.append({ term: 1, vote: 1, commit: 30 }, entries(1, 1, 30, new Uint8Array(300)), true);
    await store.saveSnapshot(snapshotAt(10, 1), 0);
    await store.saveSnapshot(snapshotAt(20, 1), 0);
  }
  const newest = snapshotFilesOn(disk).find((path) => /0020-1-[0-9]+\.data$/.test(path)) ?? "";
  disk.flipBit(newest, 0, 0);
  const log = new MemoryLog();
  const stored = await storedOn(disk, log);
  assert.deepEqual(stored.snapshot, snapshotAt(10, 1));
  assert.deepEqual(stored.entries.map(({ index }) => index), [...Array(20).keys()].map((i) => 11 + i));
  assert.deepEqual(log.lines.map(({ level, fields }) => [level, fields]), [
    ["warn", { file: newest, why: "the data file's checksum is wrong" }],
  ]);
  {
    await using store = await open(disk);
    await store.saveSnapshot(snapshotAt(25, 1), 0);
  }
  assert.deepEqual((await storedOn(disk)).snapshot, snapshotAt(25, 1));
  const second = snapshotFilesOn(disk).find((path) => /0025-1-[0-9]+\.data$/.test(path)) ?? "";
  disk.flipBit(second, 0, 0);
  assert.deepEqual((await storedOn(disk)).snapshot, snapshotAt(10, 1), "the damaged one does not count as second best");
});

Deno.test("openFileLogStore: without any snapshot that verifies the whole log does, and part of it does not", async () => {
  const disk = emptyDisk();
  {
    await using store = await open(disk);
    await store.append({ term: 1, vote: 1, commit: 30 }, entries(1, 1, 30), true);
    await store.saveSnapshot(snapshotAt(10, 1), 0);
  }
  const [data = ""] = snapshotFilesOn(disk);
  disk.flipBit(data, 0, 0);
  const stored = await storedOn(disk);
  assert.equal(stored.snapshot, undefined);
  assert.equal(stored.entries.length, 30);
  {
    await using store = await open(disk);
    await store.installSnapshot(snapshotAt(40, 2), { term: 2, vote: 0, commit: 40 });
  }
  const [installed = ""] = snapshotFilesOn(disk);
  disk.flipBit(installed, 0, 0);
  await assert.rejects(storedOn(disk), (error) => error instanceof CorruptLogError && error.file === installed);
});

Deno.test("openFileLogStore: an installed snapshot lets all older segments and snapshots go", async () => {
  const disk = emptyDisk();
  {
    await using store = await open(disk);
    await store.append({ term: 1, vote: 1, commit: 5 }, [...entries(1, 1, 5)], true);
    await store.saveSnapshot(snapshotAt(5, 1), 0);
    await appendEach(store, 6, 60);
    await store.installSnapshot(snapshotAt(10, 2), { term: 2, vote: 0, commit: 10 });
    assert.equal(segmentsOn(disk).length, 1);
    assert.equal(snapshotFilesOn(disk).length, 2);
    await appendEach(store, 11, 12);
  }
  const stored = await storedOn(disk);
  assert.deepEqual(stored.snapshot, snapshotAt(10, 2));
  assert.deepEqual(stored.entries.map(({ index }) => index), [11, 12]);
});

Deno.test("openFileLogStore: a waiting commit index goes with the next write of any kind", async () => {
  const disk = emptyDisk();
  const store = await open(disk);
  await store.append({ term: 1, vote: 1, commit: 5 }, entries(1, 1, 8), true);
  await store.append({ term: 1, vote: 1, commit: 7 }, [], false);
  await store.saveSnapshot(snapshotAt(5, 1), 0);
  assert.equal((await storedOn(disk.restart())).hardState.commit, 7);
  await store[Symbol.asyncDispose]();
});

Deno.test("openFileLogStore: an append larger than a batch and than a segment is stored whole", async () => {
  const disk = emptyDisk();
  const data = new Uint8Array(3 << 20).fill(9);
  {
    await using store = await open(disk);
    await store.append({ term: 1, vote: 1, commit: 0 }, entries(1, 1, 4, data), true);
    await store.append({ term: 1, vote: 1, commit: 4 }, entries(1, 5, 5), true);
  }
  const stored = await storedOn(disk);
  assert.deepEqual(stored.entries.map(({ index, data }) => [index, data.length]), [
    [1, data.length],
    [2, data.length],
    [3, data.length],
    [4, data.length],
    [5, 1],
  ]);
  assert.equal(stored.hardState.commit, 4);
});

Deno.test("ENTRY_BYTES_MAX: an entry of that size is stored, a larger one is a bug of the caller", async () => {
  const disk = emptyDisk();
  {
    await using store = await open(disk);
    await store.append(undefined, entries(1, 1, 1, new Uint8Array(ENTRY_BYTES_MAX)), true);
    const tooLarge = store.append(undefined, entries(1, 2, 2, new Uint8Array(ENTRY_BYTES_MAX + 1)), true);
    await assert.rejects(tooLarge, InvariantError);
  }
  assert.equal((await storedOn(disk)).entries[0]?.data.length, ENTRY_BYTES_MAX);
});

Deno.test("openFileLogStore: Raft's order is demanded of the caller", async () => {
  await using store = await open(emptyDisk());
  await store.append({ term: 2, vote: 1, commit: 2 }, entries(1, 1, 5), true);
  for (
    const [hardState, first, last] of [
      [undefined, 7, 7],
      [undefined, 2, 2],
      [{ term: 1, vote: 1, commit: 2 }, 6, 6],
      [{ term: 2, vote: 3, commit: 2 }, 6, 6],
      [{ term: 2, vote: 1, commit: 1 }, 6, 6],
      [{ term: 2, vote: 1, commit: 7 }, 6, 6],
    ] as const
  ) {
    await assert.rejects(store.append(hardState, entries(1, first, last), true), InvariantError);
  }
  await assert.rejects(store.saveSnapshot(snapshotAt(3, 1), 0), InvariantError);
  await assert.rejects(store.installSnapshot(snapshotAt(3, 1), { term: 2, vote: 1, commit: 2 }), InvariantError);
  await store.append({ term: 3, vote: 3, commit: 2 }, entries(3, 3, 3), true);
});

Deno.test("openFileLogStore: a second opener is told who has the log", async () => {
  const disk = emptyDisk();
  await using _store = await open(disk);
  await assert.rejects(
    openFileLogStore("/data/raft", disk, { ...OPTIONS, owner: "the second" }),
    (error) => error instanceof ConfigError && error.message === "Raft log is in use by the first: /data/raft",
  );
});

Deno.test("openFileLogStore: somebody else's log is refused and left as it is", async () => {
  const disk = emptyDisk();
  await (await open(disk))[Symbol.asyncDispose]();
  const before = disk.files();
  const options = { ...OPTIONS, identity: "mesh/other" };
  await assert.rejects(
    openFileLogStore("/data/raft", disk, options),
    /ConfigError: Write-ahead log belongs to another/,
  );
  assert.deepEqual(disk.files(), before);
  await storedOn(disk);
});
