import assert from "node:assert/strict";
import fc from "fast-check";
import { entriesBytes } from "../../../core/raft/entry_size.ts";
import { RaftLog } from "../../../core/raft/log.ts";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import type { Entry } from "../../../core/seams/log_store.ts";
import { confState, entriesOf } from "./test_member.ts";

/** A log with `stable` terms on storage and `unstable` ones behind them. */
function logOf(stable: readonly number[], unstable: readonly number[] = [], compacted = 0): RaftLog {
  const storage = new MemoryStorage();
  storage.append(entriesOf(1, stable));
  storage.compact(compacted);
  const log = new RaftLog(storage, Infinity);
  log.append(entriesOf(stable.length + 1, unstable));
  return log;
}

function indexes(entries: readonly Entry[] | undefined): number[] | undefined {
  return entries?.map(({ index }) => index);
}

Deno.test("RaftLog.term: across storage and memory, nothing outside", () => {
  const log = logOf([1, 1, 2], [2, 3], 1);
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map((i) => log.term(i)), [undefined, 1, 1, 2, 2, 3, undefined]);
  assert.deepEqual([log.firstIndex(), log.lastIndex()], [2, 5]);
  assert.deepEqual([log.lastId(), log.lastStableId()], [{ term: 3, index: 5 }, { term: 2, index: 3 }]);
});

Deno.test("RaftLog.slice: joins storage and memory within the limit, as one list would", () => {
  const bound = fc.integer({ min: 0, max: 6 });
  fc.assert(
    fc.property(bound, bound, bound, bound, fc.integer({ min: 0, max: 200 }), (a, b, from, length, maxBytes) => {
      const log = logOf(Array(a).fill(1), Array(b).fill(1));
      const low = Math.min(from, a + b) + 1;
      const high = Math.min(low + length, a + b + 1);
      const model = entriesOf(low, Array(high - low).fill(1));
      while (model.length > 1 && entriesBytes(model) > maxBytes) model.pop();
      assert.deepEqual(log.slice(low, high, maxBytes), model);
    }),
  );
});

Deno.test("RaftLog.slice: compacted entries are undefined, entries past the end a bug", () => {
  const log = logOf([1, 1, 1], [], 2);
  assert.equal(log.slice(2, 4, Infinity), undefined);
  assert.deepEqual(indexes(log.slice(3, 4, Infinity)), [3]);
  assert.deepEqual(log.entriesFrom(4, Infinity), []);
  assert.throws(() => log.slice(3, 5, Infinity), { name: "InvariantError" });
});

Deno.test("RaftLog.firstConflict: what an append would replace, not what it adds or repeats", () => {
  const log = logOf([1, 1], [2, 2]);
  assert.equal(log.firstConflict([]), undefined);
  assert.equal(log.firstConflict(entriesOf(2, [1, 2, 2])), undefined, "all of it is here");
  assert.equal(log.firstConflict(entriesOf(4, [2, 3])), undefined, "the rest is new");
  assert.equal(log.firstConflict(entriesOf(2, [1, 2, 3, 3])), 4);
  assert.equal(log.firstConflict(entriesOf(2, [3])), 2);
});

Deno.test("RaftLog.isUpToDate: the later term wins, then the longer log", () => {
  const log = logOf([1, 2, 2]);
  for (
    const [term, index, expected] of [[3, 1, true], [2, 3, true], [2, 4, true], [2, 2, false], [1, 9, false]] as const
  ) {
    assert.equal(log.isUpToDate({ term, index }), expected, `${term}/${index}`);
  }
});

Deno.test("RaftLog.appendFromLeader: appends after what it holds, refuses what it does not", () => {
  const log = logOf([1, 1]);
  assert.equal(log.appendFromLeader({ term: 2, index: 2 }, [], 0), undefined);
  assert.equal(log.appendFromLeader({ term: 1, index: 3 }, [], 0), undefined);
  assert.equal(log.appendFromLeader({ term: 1, index: 2 }, entriesOf(3, [2, 2]), 3), 4);
  assert.equal(log.committed, 3);
});

Deno.test("RaftLog.appendFromLeader: an old message neither cuts the log nor acknowledges beyond itself", () => {
  const log = logOf([1, 1, 1, 1, 1]);
  assert.equal(log.appendFromLeader({ term: 1, index: 1 }, entriesOf(2, [1, 1]), 9), 3);
  assert.equal(log.lastIndex(), 5);
  assert.equal(log.committed, 3, "nor commits what the message does not prove");
});

Deno.test("RaftLog.appendFromLeader: replaces from the first conflict on", () => {
  const log = logOf([1, 1, 1], [1]);
  log.appendFromLeader({ term: 1, index: 1 }, entriesOf(2, [1, 2]), 0);
  assert.deepEqual([1, 2, 3, 4].map((i) => log.term(i)), [1, 1, 2, undefined]);
  assert.deepEqual(indexes(log.unstable.nextEntries()), [3]);
});

Deno.test("RaftLog.appendFromLeader: never before the commit", () => {
  const log = logOf([1, 1, 1]);
  log.commitTo(2);
  assert.throws(() => log.appendFromLeader({ term: 1, index: 1 }, entriesOf(2, [2]), 0), { name: "InvariantError" });
});

Deno.test("RaftLog.lastAtMost: skips whole terms", () => {
  const log = logOf([1, 1, 3, 3, 5]);
  assert.deepEqual(log.lastAtMost(5, 4), { term: 3, index: 4 });
  assert.deepEqual(log.lastAtMost(5, 2), { term: 1, index: 2 });
  assert.deepEqual(log.lastAtMost(2, 0), { term: 0, index: 0 });
  assert.deepEqual(logOf([1, 1, 3], [], 2).lastAtMost(3, 0), { term: 0, index: 1 }, "compacted");
});

Deno.test("RaftLog.nextCommitted: in order, once, and no more bytes than are allowed to be applied", () => {
  const storage = new MemoryStorage();
  storage.append(entriesOf(1, [1, 1, 1, 1]));
  const log = new RaftLog(storage, 50);
  assert(!log.hasNextCommitted(true));
  log.commitTo(4);
  const first = log.nextCommitted(true);
  assert.deepEqual(indexes(first), [1, 2]);
  log.acceptApplying(first, true);
  assert.deepEqual(log.nextCommitted(true), [], "the limit is reached");
  log.appliedTo(2, entriesBytes(first));
  assert.deepEqual(indexes(log.nextCommitted(true)), [3, 4]);
});

Deno.test("RaftLog.nextCommitted: entries that are not durable only where that is allowed", () => {
  const log = logOf([1], [1]);
  log.commitTo(2);
  assert.deepEqual(indexes(log.nextCommitted(false)), [1]);
  assert.deepEqual(indexes(log.nextCommitted(true)), [1, 2]);
});

Deno.test("RaftLog.restore: a pending snapshot is the log, and nothing is applied before it is loaded", () => {
  const log = logOf([1, 1]);
  log.commitTo(1);
  log.restore({ meta: { index: 5, term: 2, confState: confState({}) }, data: new Uint8Array(0) });
  assert.deepEqual([log.firstIndex(), log.lastIndex(), log.committed, log.term(5)], [6, 5, 5, 2]);
  assert.deepEqual(log.nextCommitted(true), []);
  log.checkInvariants();
  assert.throws(() => log.restore({ meta: { index: 5, term: 2, confState: confState({}) }, data: new Uint8Array(0) }));
});

Deno.test("RaftLog: positions that contradict each other are bugs", () => {
  const log = logOf([1, 1]);
  assert.throws(() => log.commitTo(3), { name: "InvariantError" });
  assert.throws(() => log.appliedTo(1, 0), { name: "InvariantError" });
  log.commitTo(2);
  log.appliedTo(2, 0);
  assert.throws(() => log.appliedTo(1, 0), { name: "InvariantError" });
  assert.throws(() => log.append(entriesOf(4, [1])), { name: "InvariantError" });
});
