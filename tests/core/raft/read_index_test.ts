import assert from "node:assert/strict";
import { bytes, only, TestMember } from "./test_member.ts";

function contexts(member: TestMember): string[] {
  return member.readStates.map(({ index, context }) => `${new TextDecoder().decode(context)}@${index}`);
}

Deno.test("readIndex: a new leader answers only after its first commit, with that index or more", () => {
  const member = new TestMember({ terms: [1, 1], hardState: { commit: 1 } });
  member.lead();
  assert.equal(member.engine.readIndex(bytes("a")), undefined);
  assert.deepEqual(only(member.settle(), "heartbeat"), [], "no round would help");
  const beats = only(member.ackAll(), "heartbeat");
  assert.equal(beats.length, 2);
  assert.deepEqual(contexts(member), []);
  member.step({ kind: "heartbeat-response", from: 2, round: beats[0]?.round ?? 0 });
  member.settle();
  assert.deepEqual(contexts(member), ["a@3"]);
});

Deno.test("readIndex: many questions, one round", () => {
  const member = new TestMember();
  member.lead();
  member.ackAll();
  for (const letter of "abc") member.engine.readIndex(bytes(letter));
  const beats = only(member.settle(), "heartbeat");
  assert.equal(beats.length, 2);
  member.step({ kind: "heartbeat-response", from: 3, round: beats[0]?.round ?? 0 });
  member.settle();
  assert.deepEqual(contexts(member), ["a@1", "b@1", "c@1"]);
});

Deno.test("readIndex: an answer of an earlier term confirms nothing", () => {
  const member = new TestMember();
  member.lead();
  member.ackAll();
  member.engine.readIndex(bytes("ctx"));
  const [old] = only(member.settle(), "heartbeat");
  member.step({ kind: "heartbeat", from: 3, term: 2, commit: 0, round: 1 });
  member.lead();
  member.ackAll();
  member.engine.readIndex(bytes("ctx"));
  member.settle();
  const late = member.step({ kind: "heartbeat-response", from: 2, term: old?.term ?? 0, round: old?.round ?? 0 });
  assert.equal(late, "stale-term");
  member.settle();
  assert.deepEqual(contexts(member), [], "and the first question is gone with its leadership");
});

Deno.test("readIndex: a group of one needs no heartbeat", () => {
  const member = new TestMember({ voters: [1] });
  member.lead();
  member.engine.readIndex(bytes("a"));
  assert(member.engine.hasReady());
  member.settle();
  assert.deepEqual(contexts(member), ["a@1"]);
});

Deno.test("readIndex: one more than may wait is refused, from peers as well", () => {
  const member = new TestMember({ config: { maxPendingReadsCount: 2 } });
  member.lead();
  member.ackAll();
  assert.equal(member.engine.readIndex(bytes("a")), undefined);
  assert.equal(member.step({ kind: "read-index", from: 2, context: bytes("b") }), undefined);
  assert.equal(member.engine.readIndex(bytes("c")), "too-busy");
  assert.equal(member.step({ kind: "read-index", from: 2, context: bytes("d") }), "too-busy");
  assert.equal(member.engine.status().pendingReadsCount, 2);
});

Deno.test("readIndex: a follower forwards, and takes the answer", () => {
  const member = new TestMember();
  assert.equal(member.engine.readIndex(bytes("a")), "no-leader");
  member.step({ kind: "heartbeat", term: 1, commit: 0, round: 1 });
  assert.equal(member.engine.readIndex(bytes("a")), undefined);
  const [sent] = only(member.settle(), "read-index");
  assert.deepEqual([sent?.from, sent?.to, sent?.term], [1, 2, 0]);
  member.step({ kind: "read-index-response", index: 4, context: bytes("a") });
  member.settle();
  assert.deepEqual(contexts(member), ["a@4"]);
});

Deno.test("readIndex: the leader answers a follower's question to the follower", () => {
  const member = new TestMember();
  member.lead();
  member.ackAll();
  member.step({ kind: "read-index", from: 3, context: bytes("q") });
  const [beat] = only(member.settle(), "heartbeat");
  member.step({ kind: "heartbeat-response", from: 2, round: beat?.round ?? 0 });
  const [answer] = only(member.settle(), "read-index-response");
  assert.deepEqual([answer?.to, answer?.index], [3, 1]);
  assert.deepEqual(contexts(member), []);
});
