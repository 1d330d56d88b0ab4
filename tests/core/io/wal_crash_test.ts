/**
 * The log against a disk that loses power, loses and tears sectors, fails and rots; from seeds.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { CorruptLogError, type LogStore, LogStoreFailedError } from "../../../core/seams/log_store.ts";
import { openFileLogStore } from "../../../core/io/wal_log_store.ts";
import { MemoryDisk, PowerLossError } from "../../twins/memory_disk.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { RaftLogModel } from "./raft_log_model.ts";

/** Eight sectors: a handful of entries fill a segment. */
const SEGMENT_BYTES = 4096;
const ENTRY_BYTES_MAX = 900;

function open(disk: MemoryDisk): Promise<LogStore> {
  const options = { identity: "mesh/node", owner: "test", log: new MemoryLog(), segmentBytes: SEGMENT_BYTES };
  return openFileLogStore("/data/raft", disk, options);
}

/** True if `error` comes from the power loss that the test made. */
function isPowerLoss(error: unknown): boolean {
  return error instanceof PowerLossError ||
    (error instanceof LogStoreFailedError && error.cause instanceof PowerLossError);
}

/** Runs the log until the disk's power goes. Returns whether it went. */
async function live(disk: MemoryDisk, model: RaftLogModel, stepsCount: number): Promise<boolean> {
  try {
    const store = await open(disk);
    model.check(store.stored);
    try {
      for (let i = 0; i < stepsCount; i++) await model.step(store);
    } finally {
      await store[Symbol.asyncDispose]();
    }
    return false;
  } catch (error) {
    if (!isPowerLoss(error)) throw error;
    return true;
  }
}

Deno.test("openFileLogStore: after a crash at any call, what was acknowledged is there and nothing else", async () => {
  let crashesCount = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    let disk = new MemoryDisk(random.split());
    const model = new RaftLogModel(random.split(), ENTRY_BYTES_MAX);
    try {
      for (let life = 0; life < 6; life++) {
        disk.crashAfter(1 + random.below(random.oneIn(4) ? 30 : 250));
        if (await live(disk, model, 12)) crashesCount++;
        // Sometimes only the process ends, and what it had not synced is still there, for the time being.
        disk = random.oneIn(3) ? disk.kill() : disk.restart();
      }
      assert.equal(await live(disk.restart(), model, 3), false);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  assert(crashesCount > 1000, `${crashesCount} crashes`);
});

Deno.test("openFileLogStore: a crash while recovering from a crash loses nothing", async () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new SeededRandom(seed);
    let disk = new MemoryDisk(random.split());
    const model = new RaftLogModel(random.split(), ENTRY_BYTES_MAX);
    disk.crashAfter(60 + random.below(200));
    await live(disk, model, 20);
    for (let attempt = 0; attempt < 5; attempt++) {
      disk = random.oneIn(3) ? disk.kill() : disk.restart();
      // Recovery of a short log takes some ten to forty calls.
      disk.crashAfter(1 + random.below(40));
      await live(disk, model, 0);
    }
    assert.equal(await live(disk.restart(), model, 1), false, `seed ${seed}`);
  }
});

Deno.test("openFileLogStore: a failed call ends the store for good, and what was acknowledged is there", async () => {
  let failuresCount = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const random = new SeededRandom(seed);
    const disk = new MemoryDisk(random.split());
    const model = new RaftLogModel(random.split(), ENTRY_BYTES_MAX);
    const store = await open(disk);
    disk.failAfter(1 + random.below(120));
    const failure = await runSteps(store, model, 25);
    if (failure) {
      failuresCount++;
      assert(failure instanceof LogStoreFailedError, String(failure));
      const { hardState, lastIndex } = model.newest;
      const entry = { term: hardState.term + 1, index: lastIndex + 1, type: "normal", data: new Uint8Array() } as const;
      await assert.rejects(store.append(undefined, [entry], true), failure);
      await assert.rejects(store.append({ ...hardState, term: hardState.term + 1 }, [], true), failure);
      const confState = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
      const snapshot = { meta: { index: 1, term: 1, confState }, data: new Uint8Array() };
      await assert.rejects(store.saveSnapshot(snapshot, 0), failure);
    }
    await store[Symbol.asyncDispose]();
    await using reopened = await open(disk.restart());
    model.check(reopened.stored);
  }
  assert(failuresCount > 100, `${failuresCount} failures`);
});

Deno.test("openFileLogStore: a flipped bit is found, or lies where nothing is stored", async () => {
  let foundCount = 0;
  let harmlessCount = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const disk = new MemoryDisk(random.split());
    const model = new RaftLogModel(random.split(), ENTRY_BYTES_MAX);
    const store = await open(disk);
    assert.equal(await runSteps(store, model, 12), undefined);
    await store[Symbol.asyncDispose]();
    const clean = disk.restart();
    const files = clean.files().filter(({ path, bytes }) => bytes > 0 && !path.endsWith("/LOCK"));
    for (let flip = 0; flip < 60; flip++) {
      const file = files[random.below(files.length)];
      assert(file);
      // Recovery writes, so each flip gets a disk of its own.
      const damaged = clean.restart();
      damaged.flipBit(file.path, random.below(file.bytes), random.below(8));
      try {
        await using reopened = await open(damaged);
        model.checkEquivalent(reopened.stored);
        harmlessCount++;
      } catch (error) {
        if (!(error instanceof CorruptLogError)) throw new Error(`seed ${seed}, ${file.path}`, { cause: error });
        assert(error.file.startsWith("/data/raft/"), error.message);
        foundCount++;
      }
    }
  }
  assert(foundCount > 500 && harmlessCount > 100, `${foundCount} found, ${harmlessCount} harmless`);
});

/** Runs until the end or the first error, which it returns. */
async function runSteps(store: LogStore, model: RaftLogModel, stepsCount: number): Promise<unknown> {
  try {
    for (let i = 0; i < stepsCount; i++) await model.step(store);
    return undefined;
  } catch (error) {
    return error;
  }
}
