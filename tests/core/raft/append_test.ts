import assert from "node:assert/strict";
import { ENTRY_OVERHEAD_BYTES } from "../../../core/raft/entry_size.ts";
import { entriesOf, only, TestMember } from "./test_member.ts";

Deno.test("receiveAppend: appends, follows the sender, and acknowledges once it is durable", () => {
  const member = new TestMember({ terms: [1] });
  member.step({ kind: "append", term: 2, prevIndex: 1, prevTerm: 1, entries: entriesOf(2, [2]), commit: 1 });
  const ready = member.engine.ready();
  assert.deepEqual(ready.softState, { leader: 2, role: "follower" });
  assert.equal(ready.messages.length, 0);
  assert.deepEqual(only(ready.responses, "append-ack").map(({ to, index }) => [to, index]), [[2, 2]]);
  assert.deepEqual(ready.committedEntries.map(({ index }) => index), [1]);
});

Deno.test("receiveAppend: acknowledges what the message proves, not what the log holds", () => {
  const member = new TestMember({ terms: [1, 1, 1, 1] });
  member.step({ kind: "append", term: 2, prevIndex: 1, prevTerm: 1, entries: entriesOf(2, [1]), commit: 0 });
  assert.equal(only(member.settle(), "append-ack")[0]?.index, 2);
  member.step({ kind: "append", prevIndex: 1, prevTerm: 1, entries: [], commit: 0 });
  assert.equal(only(member.settle(), "append-ack")[0]?.index, 1);
});

Deno.test("receiveAppend: what a new leader replaces before it was written is not acknowledged to the old one", () => {
  const member = new TestMember({ terms: [1] });
  const append = { kind: "append", prevIndex: 1, prevTerm: 1, commit: 0 } as const;
  member.step({ ...append, from: 2, term: 2, entries: entriesOf(2, [2]) });
  member.step({ ...append, from: 2, term: 2, entries: entriesOf(2, [2, 2]) });
  member.step({ ...append, from: 3, term: 3, prevIndex: 2, prevTerm: 2, entries: entriesOf(3, [3]) });
  const acks = only(member.settle(), "append-ack");
  assert.deepEqual(acks.map(({ to, term, index }) => [to, term, index]), [[2, 2, 2], [3, 3, 3]]);
});

Deno.test("receiveAppend: before the commit everything agrees already", () => {
  const member = new TestMember({ terms: [1, 1, 1], hardState: { commit: 3 } });
  member.step({ kind: "append", prevIndex: 1, prevTerm: 1, entries: [], commit: 0 });
  assert.equal(only(member.settle(), "append-ack")[0]?.index, 3);
});

Deno.test("receiveAppend: refuses what does not follow, with the last place that may agree", () => {
  const member = new TestMember({ terms: [1, 1, 3, 3] });
  member.step({ kind: "append", term: 5, prevIndex: 9, prevTerm: 4, entries: [], commit: 0 });
  member.step({ kind: "append", term: 5, prevIndex: 4, prevTerm: 2, entries: [], commit: 0 });
  const rejects = only(member.settle(), "append-reject");
  assert.deepEqual(rejects.map(({ index, hintIndex, hintTerm }) => [index, hintIndex, hintTerm]), [[9, 4, 3], [
    4,
    2,
    1,
  ]]);
});

Deno.test("receiveAppend: a contradiction to the last committed entry is dropped and shows", () => {
  const member = new TestMember({ terms: [1, 1], hardState: { commit: 2 } });
  const append = { kind: "append", term: 2, prevIndex: 2, entries: [], commit: 0 } as const;
  assert.equal(member.step({ ...append, prevTerm: 2 }), "conflicts-with-commit");
  assert.equal(member.step({ ...append, prevTerm: 1 }), undefined);
});

Deno.test("receiveAppend: more than the disk keeps up with is dropped, one byte below is not", () => {
  const each = ENTRY_OVERHEAD_BYTES + 1;
  const append = { kind: "append", term: 1, prevTerm: 1, commit: 0 } as const;
  for (const [maxUnstableBytes, expected] of [[2 * each - 1, "too-busy"], [2 * each, undefined]] as const) {
    const member = new TestMember({ terms: [1], config: { maxUnstableBytes } });
    assert.equal(member.step({ ...append, prevIndex: 1, entries: entriesOf(2, [1]) }), undefined);
    assert.equal(member.step({ ...append, prevIndex: 2, entries: entriesOf(3, [1]) }), expected);
  }
});

Deno.test("receiveAppend: whatever its size, an append is taken when the disk waits", () => {
  const member = new TestMember({ terms: [1], config: { maxUnstableBytes: 1 } });
  const append = { kind: "append", term: 1, prevTerm: 1, commit: 0 } as const;
  assert.equal(member.step({ ...append, prevIndex: 1, entries: entriesOf(2, [1, 1, 1]) }), undefined);
});

Deno.test("receiveHeartbeat: commits, answers with its round, and keeps the follower patient", () => {
  const member = new TestMember({ terms: [1, 1] });
  for (let i = 0; i < 9; i++) member.engine.tick();
  member.step({ kind: "heartbeat", term: 1, commit: 1, round: 7 });
  for (let i = 0; i < 9; i++) member.engine.tick();
  assert.equal(member.engine.status().role, "follower");
  assert.deepEqual(only(member.settle(), "heartbeat-response").map(({ to, round }) => [to, round]), [[2, 7]]);
  assert.equal(member.engine.status().hardState.commit, 1);
});

Deno.test("receiveHeartbeat: a commit beyond the log is dropped and shows", () => {
  const member = new TestMember({ terms: [1, 1] });
  assert.equal(member.step({ kind: "heartbeat", term: 1, commit: 3, round: 1 }), "commit-beyond-log");
  assert.deepEqual(only(member.settle(), "heartbeat-response"), []);
});
