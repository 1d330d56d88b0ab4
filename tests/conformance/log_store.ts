/**
 * What every `LogStore` that keeps anything does.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { InvariantError } from "../../core/assert.ts";
import type { Entry, HardState, LogStore, Snapshot } from "../../core/seams/log_store.ts";

/** A place for one log. */
export interface LogStorePlace extends AsyncDisposable {
  /** Opens the log that is there. */
  open(): Promise<LogStore>;
}

/** Entries `from` to `to` of one term. */
export function entries(term: number, from: number, to: number, data: Uint8Array = Uint8Array.of(term)): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ term, index: from + i, type: "normal", data }));
}

/** A snapshot with data that say where it stands. */
export function snapshotAt(index: number, term: number): Snapshot {
  const confState = { voters: [1, 2], learners: [3], votersOutgoing: [], learnersNext: [], autoLeave: false };
  return { meta: { index, term, confState }, data: new TextEncoder().encode(`state at ${index}`) };
}

const HARD_STATE: HardState = { term: 3, vote: 2, commit: 0 };

/** Registers the tests. */
export function testLogStore(name: string, make: () => Promise<LogStorePlace>): void {
  /** Runs `write` on an empty log, stops, and returns what the next start finds. */
  async function reopened(write: (store: LogStore) => Promise<void>) {
    await using place = await make();
    {
      await using store = await place.open();
      await write(store);
    }
    await using store = await place.open();
    return store.stored;
  }

  Deno.test(`${name}: a new log is empty`, async () => {
    const stored = await reopened(() => Promise.resolve());
    assert.deepEqual(stored, { hardState: { term: 0, vote: 0, commit: 0 }, snapshot: undefined, entries: [] });
  });

  Deno.test(`${name}: entries of all types, empty and large, and the hard state come back`, async () => {
    const written: Entry[] = [
      { term: 1, index: 1, type: "normal", data: new Uint8Array() },
      { term: 2, index: 2, type: "conf-change", data: Uint8Array.of(1, 2, 3) },
      { term: 2, index: 3, type: "conf-change-v2", data: new Uint8Array(496) },
      { term: 3, index: 4, type: "normal", data: new Uint8Array(100_000).fill(5) },
    ];
    const stored = await reopened((store) => store.append({ ...HARD_STATE, commit: 2 }, written, true));
    assert.deepEqual(stored, { hardState: { ...HARD_STATE, commit: 2 }, snapshot: undefined, entries: written });
  });

  Deno.test(`${name}: numbers up to 2^53 - 1 come back`, async () => {
    const hardState = { term: Number.MAX_SAFE_INTEGER, vote: Number.MAX_SAFE_INTEGER - 2, commit: 0 };
    const stored = await reopened((store) => store.append(hardState, [], true));
    assert.deepEqual(stored.hardState, hardState);
  });

  Deno.test(`${name}: a conflicting suffix is replaced`, async () => {
    const stored = await reopened(async (store) => {
      await store.append({ term: 1, vote: 1, commit: 2 }, entries(1, 1, 6), true);
      await store.append({ term: 2, vote: 0, commit: 2 }, entries(2, 4, 5), true);
      await store.append(undefined, entries(2, 6, 6), true);
    });
    assert.deepEqual(stored.entries.map(({ index, term }) => [index, term]), [
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 2],
      [5, 2],
      [6, 2],
    ]);
    assert.deepEqual(stored.hardState, { term: 2, vote: 0, commit: 2 });
  });

  Deno.test(`${name}: a commit index that waits is written by a clean stop`, async () => {
    const stored = await reopened(async (store) => {
      await store.append({ term: 1, vote: 1, commit: 0 }, entries(1, 1, 6), true);
      await store.append({ term: 1, vote: 1, commit: 4 }, [], false);
    });
    assert.equal(stored.hardState.commit, 4);
  });

  Deno.test(`${name}: calls made together take effect in order`, async () => {
    const stored = await reopened(async (store) => {
      await Promise.all([
        store.append({ term: 1, vote: 1, commit: 0 }, entries(1, 1, 2), true),
        store.append(undefined, entries(1, 3, 3), true),
        store.append({ term: 2, vote: 0, commit: 1 }, entries(2, 2, 2), true),
        store.append({ term: 2, vote: 0, commit: 2 }, [], false),
        store.append(undefined, [], true),
      ]);
    });
    assert.deepEqual(stored.entries.map(({ index, term }) => [index, term]), [[1, 1], [2, 2]]);
    assert.deepEqual(stored.hardState, { term: 2, vote: 0, commit: 2 });
  });

  Deno.test(`${name}: a saved snapshot stands in front of the entries behind it`, async () => {
    const stored = await reopened(async (store) => {
      await store.append({ term: 1, vote: 1, commit: 8 }, entries(1, 1, 10), true);
      await store.saveSnapshot(snapshotAt(5, 1), 2);
      await store.append(undefined, entries(1, 11, 11), true);
    });
    assert.deepEqual(stored.snapshot, snapshotAt(5, 1));
    assert.deepEqual(stored.entries, entries(1, 6, 11));
    assert.equal(stored.hardState.commit, 8);
  });

  Deno.test(`${name}: an older snapshot does not replace a newer one`, async () => {
    const stored = await reopened(async (store) => {
      await store.append({ term: 1, vote: 1, commit: 8 }, entries(1, 1, 10), true);
      await Promise.all([store.saveSnapshot(snapshotAt(6, 1), 0), store.saveSnapshot(snapshotAt(5, 1), 0)]);
    });
    assert.deepEqual(stored.snapshot, snapshotAt(6, 1));
  });

  Deno.test(`${name}: an installed snapshot replaces the log, and the log goes on behind it`, async () => {
    const stored = await reopened(async (store) => {
      await store.append({ term: 1, vote: 1, commit: 2 }, entries(1, 1, 10), true);
      await store.installSnapshot(snapshotAt(7, 4), { term: 4, vote: 0, commit: 8 });
      await store.append({ term: 4, vote: 0, commit: 8 }, entries(4, 8, 9), true);
    });
    assert.deepEqual(stored, {
      hardState: { term: 4, vote: 0, commit: 8 },
      snapshot: snapshotAt(7, 4),
      entries: entries(4, 8, 9),
    });
  });

  Deno.test(`${name}: an installed snapshot alone is the whole log`, async () => {
    const stored = await reopened((store) => store.installSnapshot(snapshotAt(7, 4), { term: 4, vote: 0, commit: 9 }));
    assert.deepEqual(stored, {
      hardState: { term: 4, vote: 0, commit: 7 },
      snapshot: snapshotAt(7, 4),
      entries: [],
    });
  });

  Deno.test(`${name}: what was stored is let go at the first write`, async () => {
    await using place = await make();
    await using store = await place.open();
    await store.append(HARD_STATE, [], true);
    assert.throws(() => store.stored, InvariantError);
  });

  Deno.test(`${name}: after dispose every call rejects`, async () => {
    await using place = await make();
    const store = await place.open();
    await store[Symbol.asyncDispose]();
    await assert.rejects(store.append(HARD_STATE, [], true));
    await assert.rejects(store.saveSnapshot(snapshotAt(1, 1), 0));
    await assert.rejects(store.installSnapshot(snapshotAt(1, 1), { term: 3, vote: 2, commit: 1 }));
  });
}
