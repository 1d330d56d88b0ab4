/**
 * Group commit, segments and their spare, and the end after a failure.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { BATCH_BYTES_MAX, Wal } from "../../../core/io/wal.ts";
import type { WalRecord } from "../../../core/io/wal_record.ts";
import { EMPTY_WAL_STATE, type WalState } from "../../../core/io/wal_replay.ts";
import type { Disk, DiskFile } from "../../../core/seams/disk.ts";
import { LogStoreFailedError } from "../../../core/seams/log_store.ts";
import { MemoryDisk } from "../../twins/memory_disk.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

/** A disk that counts syncs of files, and lets them wait while `gate` is closed. */
class CountingDisk extends MemoryDisk implements Disk {
  syncsCount = 0;
  gate: Promise<void> = Promise.resolve();

  constructor() {
    super(new SeededRandom(1));
  }

  override async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    const file = await super.open(path, mode);
    return {
      read: (target, position) => file.read(target, position),
      write: (bytes, position) => file.write(bytes, position),
      size: () => file.size(),
      sync: async () => {
        this.syncsCount++;
        await this.gate;
        await file.sync();
      },
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  }
}

async function openWal(disk: MemoryDisk, segmentBytes = 64 * 1024): Promise<Wal> {
  await disk.makeDirectory("/wal");
  return (await Wal.open(disk, "/wal", { identity: "mesh/node", segmentBytes })).wal;
}

/** The append of entry `index`. */
function entryAt(index: number, bytes = 100): [WalRecord[], WalState] {
  const entry = { term: 1, index, type: "normal", data: new Uint8Array(bytes) } as const;
  return [[{ kind: "entry", entry }], { ...EMPTY_WAL_STATE, lastIndex: index }];
}

Deno.test("Wal.append: requests of one turn, and those that come during a sync, share one sync", async () => {
  const disk = new CountingDisk();
  await using wal = await openWal(disk);
  const before = disk.syncsCount;
  await Promise.all([1, 2, 3].map((index) => wal.append(...entryAt(index))));
  assert.equal(disk.syncsCount, before + 1);

  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  const first = wal.append(...entryAt(4));
  while (disk.syncsCount < before + 2) await Promise.resolve();
  const rest = [5, 6, 7, 8].map((index) => wal.append(...entryAt(index)));
  gate.resolve();
  await Promise.all([first, ...rest]);
  assert.equal(disk.syncsCount, before + 3);
});

Deno.test("Wal.append: resolves in order, after the sync, also without records", async () => {
  const disk = new CountingDisk();
  await using wal = await openWal(disk);
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  const appends = [
    wal.append(...entryAt(1)).then(() => order.push("first")),
    wal.append([], entryAt(1)[1]).then(() => order.push("nothing")),
    wal.append(...entryAt(2)).then(() => order.push("second")),
  ];
  const before = disk.syncsCount;
  while (disk.syncsCount === before) await Promise.resolve();
  assert.deepEqual(order, []);
  gate.resolve();
  await Promise.all(appends);
  assert.deepEqual(order, ["first", "nothing", "second"]);
});

Deno.test("BATCH_BYTES_MAX: requests up to it share a batch, the next one does not", async () => {
  const disk = new CountingDisk();
  await using wal = await openWal(disk, 32 << 20);
  const recordBytes = 32;
  const half = BATCH_BYTES_MAX / 2 - recordBytes;
  let before = disk.syncsCount;
  await Promise.all([wal.append(...entryAt(1, half)), wal.append(...entryAt(2, half))]);
  assert.equal(disk.syncsCount - before, 1);
  before = disk.syncsCount;
  await Promise.all([wal.append(...entryAt(3, half)), wal.append(...entryAt(4, half + 8))]);
  assert.equal(disk.syncsCount - before, 2);
});

Deno.test("Wal: a failed sync rejects what waits and everything after, with one error", async () => {
  const disk = new MemoryDisk(new SeededRandom(1));
  await using wal = await openWal(disk);
  await wal.append(...entryAt(1));
  disk.failAfter(2);
  const results = await Promise.allSettled([2, 3].map((index) => wal.append(...entryAt(index))));
  results.push(...await Promise.allSettled([wal.append(...entryAt(4))]));
  for (const result of results) {
    assert(result.status === "rejected" && result.reason instanceof LogStoreFailedError);
    assert.equal(result.reason, wal.failure);
  }
});

Deno.test("Wal: the next segment is there before the newest one is full, and left-over files go at open", async () => {
  const disk = new MemoryDisk(new SeededRandom(1));
  let index = 0;
  {
    await using wal = await openWal(disk);
    const names = () => disk.files().map(({ path }) => path);
    for (; !names().includes("/wal/spare.tmp"); index++) await wal.append(...entryAt(index + 1));
    assert.equal(wal.segments.segmentsCount, 1);
    assert(wal.segments.hasRoom(10), "there is room left in the newest one");
  }
  await using wal = await openWal(disk);
  assert(!disk.files().some(({ path }) => path.endsWith(".tmp")));
  for (const end = index + 200; index < end; index++) await wal.append(...entryAt(index + 1));
  assert(wal.segments.segmentsCount > 2);
});
