import { strict as assert } from "node:assert";
import {
  SENDING_TAIL_BYTES_MAX,
  SNAPSHOT_POLICY,
  SnapshotKeeper,
  type SnapshotPolicy,
} from "../../../core/node/snapshot_keeper.ts";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import type { Entry, Snapshot } from "../../../core/seams/log_store.ts";
import { MemoryLog } from "../../twins/memory_log.ts";

const CONF_STATE = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

/** A member whose disk is as fast as the test says. */
class Bench {
  readonly storage = new MemoryStorage();
  readonly saves: { readonly snapshot: Snapshot; readonly done: PromiseWithResolvers<void> }[] = [];
  readonly keeper: SnapshotKeeper;
  sending: number | undefined;
  imageBytes = 10;
  settledCount = 0;
  #applied = 0;

  constructor(policy: SnapshotPolicy) {
    this.keeper = new SnapshotKeeper({
      machine: machineOf(() => this.#applied, () => new Uint8Array(this.imageBytes)),
      storage: this.storage,
      store: {
        saveSnapshot: (snapshot) => {
          const done = Promise.withResolvers<void>();
          this.saves.push({ snapshot, done });
          return done.promise;
        },
      },
      policy,
      oldestSending: () => this.sending,
      onSettled: () => this.settledCount++,
      log: new MemoryLog(),
    });
  }

  /** Applies entries of these sizes, and looks whether a snapshot is due. */
  apply(...sizes: number[]): void {
    const entries = sizes.map((bytes): Entry => ({
      term: 1,
      index: ++this.#applied,
      type: "normal",
      data: new Uint8Array(bytes),
    }));
    this.storage.append(entries);
    this.keeper.applied(entries);
    this.keeper.takeIfDue(CONF_STATE);
  }

  /** The disk finishes the newest snapshot. */
  async finish(): Promise<void> {
    this.saves.at(-1)?.done.resolve();
    await this.keeper.settled();
  }
}

function machineOf(applied: () => number, snapshot: () => Uint8Array) {
  return {
    get appliedIndex() {
      return applied();
    },
    snapshot,
  };
}

Deno.test("SnapshotKeeper: due by entries or by bytes since the last one", async () => {
  const bench = new Bench({ entryCount: 3, logBytes: 100, trailingEntryCount: 0 });
  bench.apply(1, 1);
  assert.equal(bench.saves.length, 0);
  bench.apply(1);
  assert.deepEqual(bench.saves.map(({ snapshot }) => snapshot.meta.index), [3]);
  await bench.finish();
  bench.apply(99);
  assert.equal(bench.saves.length, 1);
  bench.apply(1);
  assert.deepEqual(bench.saves.map(({ snapshot }) => snapshot.meta.index), [3, 5]);
  await bench.finish();
  bench.keeper.loaded();
  bench.apply(1, 1);
  assert.equal(bench.saves.length, 2);
});

Deno.test("SnapshotKeeper: the log goes when the snapshot is on disk, and one is saved at a time", async () => {
  const bench = new Bench({ entryCount: 2, logBytes: 100, trailingEntryCount: 0 });
  bench.apply(1, 1);
  bench.apply(1, 1, 1);
  assert.equal(bench.saves.length, 1);
  assert.equal(bench.storage.firstIndex(), 1);
  await bench.finish();
  assert.equal(bench.storage.firstIndex(), 3);
  bench.apply(1);
  assert.deepEqual(bench.saves.map(({ snapshot }) => snapshot.meta.index), [2, 6]);
});

Deno.test("SnapshotKeeper: trailing entries are kept, by count and by bytes", async () => {
  const counted = new Bench({ entryCount: 5, logBytes: 1000, trailingEntryCount: 2 });
  counted.apply(1, 1, 1, 1, 1);
  await counted.finish();
  assert.equal(counted.storage.firstIndex(), 4);
  const weighed = new Bench({ entryCount: 5, logBytes: 1000, trailingEntryCount: 4, trailingBytes: 30 });
  weighed.apply(1, 1, 10, 10, 10);
  await weighed.finish();
  assert.equal(weighed.storage.firstIndex(), 3);
});

Deno.test("SnapshotKeeper: a large state waits for more entries, and while one is being sent; both have an end", async () => {
  const delay = { sizeShare: 1 / 2, timesMax: 3 };
  const bench = new Bench({ entryCount: 10, logBytes: 1000, trailingEntryCount: 0, delay });
  bench.imageBytes = 100;
  bench.apply(...Array(10).fill(1));
  assert.equal(bench.saves.length, 1);
  await bench.finish();
  bench.apply(...Array(20).fill(2));
  assert.equal(bench.saves.length, 1);
  bench.apply(10);
  assert.equal(bench.saves.length, 2);
  await bench.finish();
  bench.apply(...Array(29).fill(1));
  assert.equal(bench.saves.length, 2);
  bench.apply(1);
  assert.equal(bench.saves.length, 3);
  await bench.finish();
  bench.sending = 5;
  bench.apply(...Array(29).fill(10));
  assert.equal(bench.saves.length, 3);
  bench.sending = undefined;
  bench.apply(1);
  assert.equal(bench.saves.length, 4);
});

Deno.test("SENDING_TAIL_BYTES_MAX: entries behind a snapshot on its way stay up to that size", async () => {
  const policy = { entryCount: 4, logBytes: Infinity, trailingEntryCount: 0 };
  const bench = new Bench(policy);
  bench.sending = 2;
  bench.apply(1, 1, SENDING_TAIL_BYTES_MAX - 1, 1);
  await bench.finish();
  assert.equal(bench.storage.firstIndex(), 3);
  const larger = new Bench(policy);
  larger.sending = 2;
  larger.apply(1, 1, SENDING_TAIL_BYTES_MAX, 1);
  await larger.finish();
  assert.equal(larger.storage.firstIndex(), 5);
});

Deno.test("SnapshotKeeper: a disk that fails is told of, and ends the member", async () => {
  const bench = new Bench({ entryCount: 1, logBytes: 100, trailingEntryCount: 0 });
  bench.apply(1);
  bench.keeper.throwIfFailed();
  bench.saves[0]?.done.reject(new Error("the disk is gone"));
  await bench.keeper.settled();
  assert.equal(bench.settledCount, 1);
  assert.throws(() => bench.keeper.throwIfFailed(), /the disk is gone/);
  assert.equal(bench.storage.firstIndex(), 1);
});

Deno.test("SnapshotKeeper.want: taken at once, or after the one that is being saved; asked again it is the same", async () => {
  const bench = new Bench({ entryCount: 2, logBytes: 100, trailingEntryCount: 0 });
  bench.apply(1, 1);
  const [first, second] = [bench.keeper.want(), bench.keeper.want()];
  assert(!bench.keeper.isWanted, "one is being saved");
  bench.keeper.takeIfDue(CONF_STATE);
  assert.equal(bench.saves.length, 1);
  await bench.finish();
  assert(bench.keeper.isWanted);
  bench.keeper.takeIfDue(CONF_STATE);
  assert(!bench.keeper.isWanted);
  const next = bench.keeper.want();
  next.catch(() => {});
  await bench.finish();
  assert.deepEqual(await first, { index: 2, term: 1, bytes: 10 });
  assert.equal(await second, await first);
  bench.keeper.abandon(new Error("stopping"));
  await assert.rejects(next, /stopping/);
});

Deno.test("SNAPSHOT_POLICY: at most 50,000 entries lie between two snapshots", () => {
  const { entryCount, delay } = SNAPSHOT_POLICY;
  assert.equal(entryCount * (delay?.timesMax ?? 1), 50_000);
});
