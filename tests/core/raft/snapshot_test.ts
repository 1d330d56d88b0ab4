import assert from "node:assert/strict";
import type { Snapshot } from "../../../core/seams/log_store.ts";
import { bytes, confState, entriesOf, only, TestMember } from "./test_member.ts";

function snapshotAt(index: number, term: number, voters = [1, 2, 3]): Snapshot {
  return { meta: { index, term, confState: confState({ voters }) }, data: bytes("image") };
}

Deno.test("receiveSnapshot: replaces log and membership, acknowledged once it is durable", () => {
  const member = new TestMember({ terms: [1] });
  member.step({ kind: "snapshot", term: 3, snapshot: snapshotAt(5, 2, [1, 2]) });
  const ready = member.engine.ready();
  assert.equal(ready.snapshot?.meta.index, 5);
  assert.deepEqual([ready.entries, ready.committedEntries, ready.messages], [[], [], []]);
  assert.deepEqual(only(ready.responses, "append-ack").map(({ index }) => index), [5]);
  assert.deepEqual(ready.hardState, { term: 3, vote: 0, commit: 5 });
  assert.equal(member.engine.campaign(), "not-promotable", "while it is not loaded");
  member.storage.applySnapshot(snapshotAt(5, 2, [1, 2]));
  member.engine.advance();
  assert.deepEqual([member.engine.status().appliedIndex, member.engine.status().membership.voters], [5, [1, 2]]);
});

Deno.test("receiveSnapshot: a tail that contradicts it goes, and appends follow at once", () => {
  const member = new TestMember({ terms: [1, 2, 2, 2, 2, 2] });
  member.step({ kind: "snapshot", term: 4, snapshot: snapshotAt(4, 3) });
  member.settle();
  assert.deepEqual([member.storage.firstIndex(), member.storage.lastIndex()], [5, 4]);
  member.step({ kind: "append", prevIndex: 4, prevTerm: 3, entries: entriesOf(5, [4]), commit: 5 });
  assert.deepEqual(only(member.settle(), "append-ack").map(({ index }) => index), [5]);
  assert.deepEqual(member.applied.map(({ index }) => index), [5]);
});

Deno.test("receiveSnapshot: what it replaces before it was written is not acknowledged to an old leader", () => {
  const member = new TestMember({ terms: [1] });
  const append = { kind: "append", prevIndex: 1, prevTerm: 1, commit: 0 } as const;
  member.step({ ...append, from: 2, term: 2, entries: entriesOf(2, [2, 2, 2]) });
  member.step({ kind: "snapshot", from: 3, term: 4, snapshot: snapshotAt(3, 3) });
  const acks = only(member.settle(), "append-ack");
  assert.deepEqual(acks.map(({ to, term, index }) => [to, term, index]), [[3, 4, 3]]);
});

Deno.test("receiveSnapshot: one that the log holds only commits, and keeps the entries behind it", () => {
  const member = new TestMember({ terms: [1, 1, 1, 1] });
  member.step({ kind: "snapshot", term: 2, snapshot: snapshotAt(2, 1) });
  const sent = member.settle();
  assert.equal(member.snapshot, undefined);
  assert.deepEqual(only(sent, "append-ack").map(({ index }) => index), [2]);
  assert.deepEqual([member.storage.lastIndex(), member.engine.status().hardState.commit], [4, 2]);
});

Deno.test("receiveSnapshot: an old one is answered with what is committed", () => {
  const member = new TestMember({ terms: [1, 1, 1], hardState: { commit: 3 } });
  member.step({ kind: "snapshot", term: 2, snapshot: snapshotAt(2, 1) });
  assert.deepEqual(only(member.settle(), "append-ack").map(({ index }) => index), [3]);
});

Deno.test("receiveSnapshot: holds also for a member that it does not know, which was added later", () => {
  const member = new TestMember({ id: 4, voters: [] });
  member.step({ kind: "snapshot", term: 2, snapshot: snapshotAt(5, 1) });
  assert.deepEqual(only(member.settle(), "append-ack").map(({ index }) => index), [5]);
  assert.equal(member.engine.campaign(), "not-promotable");
});

Deno.test("receiveSnapshot: one that contradicts itself is malformed", () => {
  const member = new TestMember();
  for (
    const snapshot of [
      snapshotAt(0, 1),
      snapshotAt(1, 0),
      snapshotAt(1, 3),
      snapshotAt(1, 1, [2, 1]),
      snapshotAt(2 ** 53, 1),
    ]
  ) {
    assert.equal(member.step({ kind: "snapshot", term: 2, snapshot }), "malformed");
  }
});

Deno.test("receiveSnapshot: waits until entries that were handed out are applied", () => {
  const member = new TestMember({ terms: [1, 1] });
  member.step({ kind: "heartbeat", term: 1, commit: 2, round: 1 });
  assert.equal(member.engine.ready().committedEntries.length, 2);
  member.step({ kind: "snapshot", term: 1, snapshot: snapshotAt(9, 1, [1, 2]) });
  assert.deepEqual(member.engine.status().membership.voters, [1, 2, 3], "changes still find what they change");
  member.engine.advance();
  assert.deepEqual(member.engine.status().membership.voters, [1, 2]);
  assert.deepEqual(only(member.settle(), "append-ack").map(({ index }) => index), [9]);
});

Deno.test("sendSnapshot: not before there is one", () => {
  const member = new TestMember({ terms: [1, 1], hardState: { commit: 2 } });
  member.settle();
  member.storage.compact(2);
  member.lead();
  member.step({ kind: "append-reject", from: 2, index: 2, hintIndex: 0, hintTerm: 0 });
  assert.deepEqual(member.settle(), []);
  assert.equal(member.engine.status().peers[1]?.state, "probe");
});
