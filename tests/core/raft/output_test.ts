import assert from "node:assert/strict";
import { APPEND_THREAD, APPLY_THREAD } from "../../../core/raft/message.ts";
import { bytes, entriesOf, only, TestMember } from "./test_member.ts";

Deno.test("Output: everything is handed out once", () => {
  const member = new TestMember();
  member.step({ kind: "append", term: 1, prevIndex: 0, prevTerm: 0, entries: entriesOf(1, [1]), commit: 1 });
  assert(member.engine.hasReady());
  const ready = member.engine.ready();
  assert.deepEqual([ready.entries.length, ready.committedEntries.length, ready.responses.length], [1, 1, 1]);
  member.storage.append(ready.entries);
  member.engine.advance();
  assert(!member.engine.hasReady());
  const empty = member.engine.ready();
  assert.deepEqual([empty.entries, empty.committedEntries, empty.responses, empty.messages], [[], [], [], []]);
  assert.deepEqual([empty.softState, empty.hardState, empty.snapshot, empty.mustSync], [
    undefined,
    undefined,
    undefined,
    false,
  ]);
});

Deno.test("Output: a Ready is advanced once, before the next", () => {
  const member = new TestMember();
  assert.throws(() => member.engine.advance(), { name: "InvariantError" });
  member.engine.ready();
  assert.throws(() => member.engine.ready(), { name: "InvariantError" });
  member.engine.advance();
  assert.throws(() => member.engine.advance(), { name: "InvariantError" });
});

Deno.test("Output: a write must be on disk unless it only moves the commit", () => {
  const member = new TestMember({ terms: [1, 1] });
  member.step({ kind: "heartbeat", term: 1, commit: 1, round: 1 });
  const commitOnly = member.engine.ready();
  assert.deepEqual([commitOnly.hardState?.commit, commitOnly.mustSync], [1, false]);
  member.engine.advance();
  member.step({ kind: "heartbeat", term: 2, commit: 1, round: 1 });
  assert(member.engine.ready().mustSync, "the term");
  member.engine.advance();
  member.step({ kind: "append", prevIndex: 2, prevTerm: 1, entries: entriesOf(3, [2]), commit: 1 });
  assert(member.engine.ready().mustSync, "an entry");
});

Deno.test("Output: a leader's appends leave before its own write, its acknowledgement after", () => {
  const member = new TestMember({ voters: [1, 2] });
  member.lead();
  member.ackAll([2]);
  member.engine.propose(bytes("a"));
  const ready = member.engine.ready();
  assert.equal(only(ready.messages, "append").length, 1);
  assert.deepEqual(ready.responses, []);
  assert.equal(member.engine.inside.log.committed, 1);
  member.step({ kind: "append-ack", from: 2, index: 2 });
  assert.equal(member.engine.inside.log.committed, 1, "one of two, until the leader's disk has it");
  member.storage.append(ready.entries);
  member.engine.advance();
  assert.equal(member.engine.inside.log.committed, 2);
});

Deno.test("Output: a crash between write and response loses nothing that was promised", () => {
  const member = new TestMember();
  member.step({ kind: "append", term: 1, prevIndex: 0, prevTerm: 0, entries: entriesOf(1, [1]), commit: 0 });
  const ready = member.engine.ready();
  if (ready.hardState !== undefined) member.storage.setHardState(ready.hardState);
  member.storage.append(ready.entries);
  member.restart();
  assert.deepEqual(member.terms(), [1]);
  member.step({ kind: "append", term: 1, prevIndex: 1, prevTerm: 1, entries: [], commit: 1 });
  assert.deepEqual(only(member.settle(), "append-ack").map(({ index }) => index), [1]);
});

Deno.test("Output: a write finished in a newer term marks nothing that was replaced meanwhile", () => {
  const member = new TestMember();
  member.step({ kind: "append", term: 1, prevIndex: 0, prevTerm: 0, entries: entriesOf(1, [1, 1]), commit: 0 });
  const first = member.engine.ready();
  member.storage.append(first.entries);
  member.step({ kind: "append", term: 2, prevIndex: 0, prevTerm: 0, entries: entriesOf(1, [2]), commit: 0, from: 3 });
  member.engine.advance();
  const second = member.engine.ready();
  assert.deepEqual(second.entries.map(({ term, index }) => [term, index]), [[2, 1]]);
  member.storage.append(second.entries);
  member.engine.advance();
  assert(member.engine.inside.log.unstable.isEmpty);
  assert.deepEqual([member.storage.lastIndex(), member.storage.term(1)], [1, 2]);
});

Deno.test("Output: with asynchronous storage, writing and applying are messages with their responses", () => {
  const member = new TestMember({ config: { asyncStorageWrites: true } });
  member.step({ kind: "append", term: 1, prevIndex: 0, prevTerm: 0, entries: entriesOf(1, [1]), commit: 1 });
  const ready = member.engine.ready();
  assert.deepEqual(ready.responses, []);
  const [append] = only(ready.messages, "storage-append");
  assert(append !== undefined && append.to === APPEND_THREAD);
  assert.deepEqual(append.responses.map(({ kind, to }) => [kind, to]), [["append-ack", 2], [
    "storage-append-response",
    1,
  ]]);
  assert.deepEqual(only(ready.messages, "storage-apply"), [], "nothing is applied that is not durable");
  assert.throws(() => member.engine.advance(), { name: "InvariantError" });
  member.storage.append(append.entries);
  for (const m of append.responses) if (m.to === 1) member.engine.step(m);
  const [apply] = only(member.engine.ready().messages, "storage-apply");
  assert(apply !== undefined && apply.to === APPLY_THREAD);
  for (const m of apply.responses) member.engine.step(m);
  assert.equal(member.engine.status().appliedIndex, 1);
  member.engine.checkInvariants();
});

Deno.test("Output: a write of an earlier term marks nothing, even if the same entry is back meanwhile", () => {
  const member = new TestMember({ voters: [1, 2, 3, 4], config: { asyncStorageWrites: true } });
  const append = { kind: "append", prevIndex: 0, prevTerm: 0, commit: 0 } as const;
  const writes = [[2, 1, 1], [3, 2, 2], [4, 3, 1]].map(([from = 0, term = 0, entryTerm = 0]) => {
    member.step({ ...append, from, term, entries: entriesOf(1, [entryTerm]) });
    return only(member.engine.ready().messages, "storage-append")[0];
  });
  const stillUnstable = writes.map((write) => {
    member.storage.append(write?.entries ?? []);
    for (const m of write?.responses ?? []) if (m.to === 1) member.engine.step(m);
    return !member.engine.inside.log.unstable.isEmpty;
  });
  assert.deepEqual(
    stillUnstable,
    [true, true, false],
    "the second write takes the first one's entry from the disk again",
  );
});
