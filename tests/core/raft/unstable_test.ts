import assert from "node:assert/strict";
import { entriesBytes } from "../../../core/raft/entry_size.ts";
import { Unstable } from "../../../core/raft/unstable.ts";
import type { Snapshot } from "../../../core/seams/log_store.ts";
import { confState, entriesOf } from "./test_member.ts";

const snapshot: Snapshot = { meta: { index: 9, term: 3, confState: confState({}) }, data: new Uint8Array(0) };

function indexes(unstable: Unstable): number[] {
  return unstable.nextEntries().map(({ index }) => index);
}

Deno.test("Unstable: knows the terms of what it holds and nothing else", () => {
  const unstable = new Unstable(5);
  assert.equal(unstable.lastIndex(), undefined);
  unstable.truncateAndAppend(entriesOf(5, [1, 2]));
  assert.deepEqual([4, 5, 6, 7].map((i) => unstable.term(i)), [undefined, 1, 2, undefined]);
  assert.equal(unstable.lastIndex(), 6);
});

Deno.test("Unstable.nextEntries: each entry is handed out once", () => {
  const unstable = new Unstable(5);
  unstable.truncateAndAppend(entriesOf(5, [1, 1]));
  assert.deepEqual(indexes(unstable), [5, 6]);
  unstable.acceptInProgress();
  assert.deepEqual(indexes(unstable), []);
  assert(!unstable.hasNext());
  unstable.truncateAndAppend(entriesOf(7, [1]));
  assert.deepEqual(indexes(unstable), [7]);
});

Deno.test("Unstable.stableTo: lets go of what is durable, and only if it still is what was written", () => {
  const unstable = new Unstable(5);
  unstable.truncateAndAppend(entriesOf(5, [1, 1, 1]));
  unstable.acceptInProgress();
  unstable.stableTo(6, 2);
  unstable.stableTo(4, 1);
  unstable.stableTo(8, 1);
  assert.equal(unstable.offset, 5, "another term, before, after");
  unstable.stableTo(6, 1);
  assert.equal(unstable.offset, 7);
  assert.deepEqual(unstable.slice(7, 8).map(({ index }) => index), [7]);
  unstable.stableTo(7, 1);
  assert(unstable.isEmpty);
  assert.equal(unstable.offset, 8);
});

Deno.test("Unstable: an entry replaced while it is written is not marked by the old write", () => {
  const unstable = new Unstable(5);
  unstable.truncateAndAppend(entriesOf(5, [1]));
  unstable.acceptInProgress();
  unstable.truncateAndAppend(entriesOf(5, [2]));
  assert.deepEqual(indexes(unstable), [5]);
  unstable.acceptInProgress();
  unstable.stableTo(5, 1);
  assert(!unstable.isEmpty);
  unstable.stableTo(5, 2);
  assert(unstable.isEmpty);
});

Deno.test("Unstable.truncateAndAppend: replaces a suffix, here or below what is here", () => {
  const unstable = new Unstable(5);
  unstable.truncateAndAppend(entriesOf(5, [1, 1, 1]));
  unstable.acceptInProgress();
  unstable.truncateAndAppend(entriesOf(6, [2]));
  assert.deepEqual([5, 6, 7].map((i) => unstable.term(i)), [1, 2, undefined]);
  assert.deepEqual(indexes(unstable), [6]);
  unstable.truncateAndAppend(entriesOf(3, [3]));
  assert.deepEqual([unstable.offset, unstable.lastIndex()], [3, 3]);
  assert.throws(() => unstable.truncateAndAppend(entriesOf(5, [3])), { name: "InvariantError" }, "a gap");
});

Deno.test("Unstable.bytes: the sum of what is held", () => {
  const unstable = new Unstable(1);
  const entries = entriesOf(1, [1, 1, 1, 1]);
  unstable.truncateAndAppend(entries);
  assert.equal(unstable.bytes, entriesBytes(entries));
  unstable.truncateAndAppend(entries.slice(2, 3));
  assert.equal(unstable.bytes, entriesBytes(entries.slice(0, 3)));
  unstable.stableTo(2, 1);
  assert.equal(unstable.bytes, entriesBytes(entries.slice(2, 3)));
  unstable.restore(snapshot);
  assert.equal(unstable.bytes, 0);
});

Deno.test("Unstable: a snapshot replaces everything and is handed out once", () => {
  const unstable = new Unstable(5);
  unstable.truncateAndAppend(entriesOf(5, [1, 1]));
  unstable.restore(snapshot);
  assert.deepEqual([unstable.offset, unstable.lastIndex(), unstable.term(9)], [10, 9, 3]);
  assert.equal(unstable.nextSnapshot(), snapshot);
  unstable.acceptInProgress();
  assert.equal(unstable.nextSnapshot(), undefined);
  unstable.stableSnapshotTo(8);
  assert.equal(unstable.snapshot, snapshot, "an older write");
  unstable.stableSnapshotTo(9);
  assert.equal(unstable.snapshot, undefined);
});
