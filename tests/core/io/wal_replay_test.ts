/**
 * The meaning of records, and sequences that mean nothing.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { SnapshotMark, WalRecord } from "../../../core/io/wal_record.ts";
import { hardStateProblem, WalReplay, withMark } from "../../../core/io/wal_replay.ts";

function entry(index: number): WalRecord {
  return { kind: "entry", entry: { term: 1, index, type: "normal", data: new Uint8Array() } };
}

function mark(index: number): SnapshotMark {
  return { index, term: 1, id: index, manifestDigest: new Uint8Array(32) };
}

function hardState(term: number, vote: number, commit: number): WalRecord {
  return { kind: "hard-state", hardState: { term, vote, commit } };
}

/** Replays; the last record's problem. */
function replayed(firstIndex: number, ...records: WalRecord[]): { replay: WalReplay; problem: string | undefined } {
  const replay = new WalReplay(firstIndex);
  let problem: string | undefined;
  records.forEach((record, i) => {
    problem = replay.apply(record);
    if (i < records.length - 1) assert.equal(problem, undefined);
  });
  return { replay, problem };
}

function indexes(replay: WalReplay): number[] {
  return replay.entries.map(({ index }) => index);
}

Deno.test("WalReplay.apply: truncation voids a suffix, also one that starts before the first entry", () => {
  const truncate: WalRecord = { kind: "truncate", fromIndex: 6 };
  assert.deepEqual(indexes(replayed(5, entry(5), entry(6), entry(7), truncate, entry(6)).replay), [5, 6]);
  assert.deepEqual(indexes(replayed(7, entry(7), truncate, entry(6)).replay), [6]);
});

Deno.test("WalReplay.apply: an installed snapshot voids the log, a saved one does not", () => {
  const saved = replayed(1, entry(1), entry(2), { kind: "snapshot-saved", mark: mark(1) }).replay;
  assert.deepEqual([saved.firstIndex, indexes(saved)], [1, [1, 2]]);
  const installed = replayed(1, entry(1), { kind: "snapshot-installed", mark: mark(8) }, entry(9)).replay;
  assert.deepEqual([installed.firstIndex, indexes(installed)], [9, [9]]);
  assert.deepEqual(installed.state.marks, [mark(8)]);
});

Deno.test("WalReplay.apply: contradictions are told", () => {
  const commit = (lastIndex: number): WalRecord => ({ kind: "commit", lastIndex, recordsCount: 0, chain: 0 });
  assert.match(replayed(1, entry(2)).problem ?? "", /entry 2 follows 0/);
  assert.match(replayed(1, entry(1), { kind: "truncate", fromIndex: 2 }).problem ?? "", /truncation from 2 behind 1/);
  const committed = replayed(1, entry(1), hardState(1, 0, 1), { kind: "truncate", fromIndex: 1 });
  assert.match(committed.problem ?? "", /of committed entries/);
  assert.match(replayed(1, { kind: "snapshot-saved", mark: mark(1) }).problem ?? "", /ahead of the log/);
  assert.match(replayed(1, entry(1), commit(2)).problem ?? "", /a batch ends with entry 1/);
  assert.match(replayed(1, entry(1), hardState(1, 0, 2), commit(1)).problem ?? "", /commit index is ahead/);
  assert.match(replayed(1, hardState(2, 0, 0), hardState(1, 0, 0)).problem ?? "", /term 1 follows 2/);
});

Deno.test("hardStateProblem: terms and commits rise, a vote stands for its term", () => {
  const state = { term: 3, vote: 1, commit: 5 };
  assert.equal(hardStateProblem(state, state), undefined);
  assert.equal(hardStateProblem(state, { term: 4, vote: 0, commit: 5 }), undefined);
  assert.equal(hardStateProblem({ ...state, vote: 0 }, state), undefined);
  assert.match(hardStateProblem(state, { ...state, term: 2 }) ?? "", /term 2 follows 3/);
  assert.match(hardStateProblem(state, { ...state, vote: 2 }) ?? "", /vote 2 follows 1 in term 3/);
  assert.match(hardStateProblem(state, { ...state, vote: 0 }) ?? "", /vote 0 follows 1 in term 3/);
  assert.match(hardStateProblem(state, { ...state, commit: 4 }) ?? "", /commit 4 follows 5/);
});

Deno.test("withMark: keeps the newest two", () => {
  assert.deepEqual(withMark([], mark(1)), [mark(1)]);
  assert.deepEqual(withMark([mark(1), mark(2)], mark(3)), [mark(2), mark(3)]);
});
