import assert from "node:assert/strict";
import { ENTRY_OVERHEAD_BYTES } from "../../../core/raft/entry_size.ts";
import { bytes, entriesOf, only, TestMember } from "./test_member.ts";

Deno.test("tryCommit: entries of an earlier term are not committed by counting them (thesis Fig. 3.7)", () => {
  // Entry 2 is of term 2 and was replicated to one; the same member leads again, in term 4.
  const member = new TestMember({ voters: [1, 2, 3, 4, 5], terms: [1, 2], hardState: { term: 3 } });
  member.lead();
  assert.deepEqual(member.terms(), [1, 2, 4]);
  member.step({ kind: "append-ack", from: 2, index: 2 });
  member.step({ kind: "append-ack", from: 3, index: 2 });
  assert.equal(member.engine.status().hardState.commit, 0, "three of five hold entry 2, and it may still be replaced");
  member.step({ kind: "append-ack", from: 2, index: 3 });
  member.step({ kind: "append-ack", from: 3, index: 3 });
  assert.equal(member.engine.status().hardState.commit, 3, "an entry of term 4 commits all before it");
});

Deno.test("tryCommit: the leader's own disk counts only when it has written", () => {
  const member = new TestMember({ voters: [1] });
  member.lead();
  member.engine.propose(bytes("a"));
  member.engine.ready();
  assert.equal(member.engine.status().hardState.commit, 1);
  member.engine.advance();
  assert.equal(member.engine.status().hardState.commit, 2);
});

Deno.test("appendAsLeader: refuses one byte more than may be uncommitted, and never an empty entry", () => {
  const member = new TestMember({ config: { maxUncommittedBytes: 4 } });
  member.lead();
  member.ackAll();
  assert.equal(member.engine.propose(bytes("1234")).kind, "appended");
  assert.deepEqual(member.engine.propose(bytes("5")), { kind: "refused", why: "too-busy" });
  assert.equal(member.engine.propose(bytes("")).kind, "appended");
  member.settle();
  member.ackAll();
  assert.equal(member.engine.propose(bytes("123456789")).kind, "appended", "one of any size");
});

Deno.test("sendAppend: one message holds what fits, and the window what is allowed", () => {
  const maxAppendBytes = 2 * (ENTRY_OVERHEAD_BYTES + 1);
  const member = new TestMember({ config: { maxAppendBytes, maxInflightAppendsCount: 2 } });
  member.lead();
  member.ackAll();
  for (const letter of "abcdefg") member.engine.propose(bytes(letter));
  const sent = only(member.settle(), "append").filter(({ to }) => to === 2);
  assert.deepEqual(sent.map(({ entries }) => entries.length), [1, 1], "two messages are on their way");
  assert(member.engine.status().peers[1]?.inflightFull);
  member.step({ kind: "append-ack", from: 2, index: 3 });
  const more = only(member.settle(), "append").filter(({ to }) => to === 2);
  assert.deepEqual(more.map(({ entries }) => entries.length), [2, 2], "and two more, filled");
});

Deno.test("sendAppend: the window is bounded in bytes as well", () => {
  const member = new TestMember({ config: { maxInflightBytes: ENTRY_OVERHEAD_BYTES + 2 } });
  member.lead();
  member.ackAll();
  for (const letter of "abc") member.engine.propose(bytes(letter));
  const sent = only(member.settle(), "append").filter(({ to }) => to === 2);
  assert.deepEqual(sent.map(({ entries }) => entries.length), [1, 1]);
});

Deno.test("receiveAck: beyond the log is nobody's acknowledgement", () => {
  const member = new TestMember();
  member.lead();
  assert.equal(member.step({ kind: "append-ack", from: 2, index: 2 }), "malformed");
  assert.equal(member.engine.status().hardState.commit, 0);
});

Deno.test("receiveAck: from somebody who is no member counts nothing", () => {
  const member = new TestMember();
  member.lead();
  assert.equal(member.step({ kind: "append-ack", from: 4, index: 1 }), "unknown-peer");
});

Deno.test("receiveReject: goes back by whole terms and resends from there", () => {
  const member = new TestMember({ terms: [1, 1, 4, 4, 4] });
  member.lead();
  member.step({ kind: "append-reject", from: 2, index: 5, hintIndex: 4, hintTerm: 2 });
  const [resent] = only(member.settle(), "append").filter(({ to }) => to === 2);
  assert.equal(resent?.prevIndex, 2, "nothing of term 4 can agree with a log that has term 2 there");
  assert.equal(member.step({ kind: "append-reject", from: 2, index: 5, hintIndex: 0, hintTerm: 0 }), undefined);
  assert.deepEqual(member.settle(), [], "a late refusal");
});

Deno.test("receiveHeartbeatResponse: resends what a silent follower may have missed", () => {
  const member = new TestMember();
  member.lead();
  member.step({ kind: "heartbeat-response", from: 2, round: 0 });
  const [resent] = only(member.settle(), "append");
  assert.deepEqual([resent?.to, resent?.entries.length], [2, 1]);
});

Deno.test("broadcastHeartbeat: never tells a follower of a commit that it has not acknowledged", () => {
  const member = new TestMember({ config: { heartbeatTicks: 1 } });
  member.lead();
  member.ackAll([2]);
  member.engine.tick();
  const beats = only(member.settle(), "heartbeat");
  assert.deepEqual(beats.map(({ to, commit }) => [to, commit]), [[2, 1], [3, 0]]);
});

Deno.test("sendAppend: a follower whose entries are compacted gets a snapshot, if it lives", () => {
  const member = new TestMember({ terms: [1, 1], hardState: { commit: 2 } });
  member.settle();
  member.storage.createSnapshot(2, member.engine.status().membership, bytes("image"));
  member.storage.compact(2);
  member.lead();
  assert.equal(member.engine.status().peers[1]?.state, "probe");
  member.step({ kind: "append-reject", from: 2, index: 2, hintIndex: 0, hintTerm: 0 });
  const [snapshot] = only(member.settle(), "snapshot");
  assert.deepEqual([snapshot?.to, snapshot?.snapshot.meta.index], [2, 2]);
  assert.deepEqual(member.engine.status().peers[1]?.pendingSnapshotIndex, 2);
});

Deno.test("receiveAck: a follower counts again as soon as its log reaches the leader's", () => {
  const member = new TestMember({ terms: [1, 1], hardState: { commit: 2 } });
  member.settle();
  member.storage.createSnapshot(2, member.engine.status().membership, bytes("image"));
  member.storage.compact(2);
  member.lead();
  member.step({ kind: "append-reject", from: 2, index: 2, hintIndex: 0, hintTerm: 0 });
  member.settle();
  member.step({ kind: "append-ack", from: 2, index: 2 });
  const sent = only(member.settle(), "append");
  assert.equal(member.engine.status().peers[1]?.state, "replicate");
  assert.deepEqual(sent.map(({ to, entries }) => [to, entries[0]?.index]), [[2, 3]]);
});

Deno.test("appendAsLeader: keeps the order and place of a batch", () => {
  const member = new TestMember();
  member.lead();
  member.ackAll();
  const entries = entriesOf(1, [0, 0]).map(({ type, data }) => ({ type, data }));
  member.step({ kind: "propose", from: 2, entries });
  const [sent] = only(member.settle(), "append");
  assert.deepEqual(sent?.entries.map(({ index }) => index), [2, 3]);
});
