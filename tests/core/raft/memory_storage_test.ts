import assert from "node:assert/strict";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import type { Snapshot } from "../../../core/seams/log_store.ts";
import { confState, entriesOf } from "./test_member.ts";

const NO_BYTES = new Uint8Array(0);

function terms(storage: MemoryStorage): (number | undefined)[] {
  const first = storage.firstIndex();
  return Array.from({ length: storage.lastIndex() - first + 1 }, (_, i) => storage.term(first + i));
}

function snapshotAt(index: number, term: number): Snapshot {
  return { meta: { index, term, confState: confState({ voters: [index] }) }, data: NO_BYTES };
}

Deno.test("MemoryStorage: nothing at first", () => {
  const storage = new MemoryStorage();
  assert.deepEqual([storage.firstIndex(), storage.lastIndex(), storage.term(0), storage.term(1)], [1, 0, 0, undefined]);
  assert.equal(storage.snapshot(), undefined);
  assert.deepEqual(storage.initialState().confState, confState({}));
});

Deno.test("MemoryStorage: starts with what was stored, without entries that the snapshot covers", () => {
  const hardState = { term: 4, vote: 2, commit: 6 };
  const storage = new MemoryStorage({ hardState, snapshot: snapshotAt(5, 2), entries: entriesOf(4, [2, 2, 3, 4]) });
  assert.deepEqual([storage.firstIndex(), terms(storage), storage.term(5)], [6, [3, 4], 2]);
  assert.deepEqual(storage.initialState(), { hardState, confState: confState({ voters: [5] }) });
});

Deno.test("MemoryStorage.append: replaces a suffix, leaves out what is compacted, refuses a gap", () => {
  const storage = new MemoryStorage();
  storage.append(entriesOf(1, [1, 1, 1, 1]));
  storage.append(entriesOf(3, [2]));
  assert.deepEqual(terms(storage), [1, 1, 2]);
  storage.compact(2);
  storage.append(entriesOf(1, [1, 1, 3, 3]));
  assert.deepEqual([storage.firstIndex(), terms(storage)], [3, [3, 3]]);
  storage.append(entriesOf(1, [9]));
  storage.append([]);
  assert.deepEqual(terms(storage), [3, 3]);
  assert.throws(() => storage.append(entriesOf(6, [3])), { name: "InvariantError" });
});

Deno.test("MemoryStorage.entries: within the limit, one at least, undefined once compacted", () => {
  const storage = new MemoryStorage();
  storage.append(entriesOf(1, [1, 1, 1]));
  assert.equal(storage.entries(1, 4, 0)?.length, 1);
  assert.equal(storage.entries(1, 4, 50)?.length, 2);
  assert.equal(storage.entries(2, 4, Infinity)?.[0]?.index, 2);
  storage.compact(2);
  assert.equal(storage.entries(2, 4, Infinity), undefined);
  assert.throws(() => storage.entries(3, 5, Infinity), { name: "InvariantError" });
});

Deno.test("MemoryStorage.compact: keeps the term before the first entry; nothing if gone already", () => {
  const storage = new MemoryStorage();
  storage.append(entriesOf(1, [1, 2, 3]));
  storage.compact(2);
  storage.compact(1);
  assert.deepEqual([storage.term(1), storage.term(2), terms(storage)], [undefined, 2, [3]]);
  assert.throws(() => storage.compact(4), { name: "InvariantError" });
});

Deno.test("MemoryStorage.applySnapshot: is the whole log, unless it is old", () => {
  const storage = new MemoryStorage();
  storage.append(entriesOf(1, [1, 1]));
  storage.applySnapshot(snapshotAt(7, 3));
  assert.deepEqual([storage.firstIndex(), storage.lastIndex(), storage.term(7)], [8, 7, 3]);
  storage.append(entriesOf(8, [3]));
  storage.applySnapshot(snapshotAt(7, 3));
  assert.equal(storage.lastIndex(), 8);
});

Deno.test("MemoryStorage.createSnapshot: leaves the log alone and goes forward", () => {
  const storage = new MemoryStorage();
  storage.append(entriesOf(1, [1, 2, 2]));
  const made = storage.createSnapshot(2, confState({ voters: [1] }), NO_BYTES);
  assert.equal(made.meta.term, 2);
  assert.equal(storage.snapshot(), made);
  assert.equal(storage.firstIndex(), 1);
  assert.throws(() => storage.createSnapshot(1, confState({}), NO_BYTES), { name: "InvariantError" });
  assert.throws(() => storage.createSnapshot(4, confState({}), NO_BYTES), { name: "InvariantError" });
});

Deno.test("MemoryStorage.setConfState: for a state machine ahead of the snapshot", () => {
  const storage = new MemoryStorage();
  storage.setConfState(confState({ voters: [3] }));
  assert.deepEqual(storage.initialState().confState.voters, [3]);
});
