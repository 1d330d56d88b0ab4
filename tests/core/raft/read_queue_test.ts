import assert from "node:assert/strict";
import { ReadQueue } from "../../../core/raft/read_queue.ts";
import { bytes } from "./test_member.ts";

const GROUP = { voters: [1, 2, 3], votersOutgoing: [] };

function texts(reads: readonly { readonly context: Uint8Array; readonly index: number }[]): string[] {
  return reads.map(({ context, index }) => `${new TextDecoder().decode(context)}@${index}`);
}

Deno.test("ReadQueue: reads between two rounds share the next one", () => {
  const reads = new ReadQueue(1, 10);
  reads.ask({ from: 1, context: bytes("a") }, 5);
  reads.ask({ from: 2, context: bytes("b") }, 6);
  assert(reads.needsRound);
  const round = reads.nextRound();
  assert(!reads.needsRound);
  assert.deepEqual(reads.takeConfirmed(GROUP), []);
  reads.acknowledge(3, round);
  assert.deepEqual(texts(reads.takeConfirmed(GROUP)), ["a@5", "b@6"]);
  assert.equal(reads.count, 0);
});

Deno.test("ReadQueue: a late answer confirms no later question, whatever its context", () => {
  const reads = new ReadQueue(1, 10);
  reads.ask({ from: 2, context: bytes("ctx") }, 5);
  const first = reads.nextRound();
  reads.ask({ from: 2, context: bytes("ctx") }, 5);
  reads.acknowledge(2, first);
  assert.deepEqual(texts(reads.takeConfirmed(GROUP)), ["ctx@5"]);
  reads.nextRound();
  reads.acknowledge(2, first);
  reads.acknowledge(3, first);
  assert.deepEqual(reads.takeConfirmed(GROUP), []);
});

Deno.test("ReadQueue: an answer to a round that was never sent is ignored", () => {
  const reads = new ReadQueue(1, 10);
  reads.ask({ from: 1, context: bytes("a") }, 5);
  reads.acknowledge(2, 7);
  reads.nextRound();
  assert.deepEqual(reads.takeConfirmed(GROUP), []);
});

Deno.test("ReadQueue: old and doubled answers change nothing, strangers do not count", () => {
  const reads = new ReadQueue(1, 10);
  const first = reads.nextRound();
  reads.ask({ from: 1, context: bytes("a") }, 5);
  const second = reads.nextRound();
  for (let i = 0; i < 3; i++) reads.acknowledge(9, second);
  reads.acknowledge(2, first);
  assert.deepEqual(reads.takeConfirmed(GROUP), []);
  reads.acknowledge(2, second);
  reads.acknowledge(2, first);
  assert.equal(reads.takeConfirmed(GROUP).length, 1);
});

Deno.test("ReadQueue: a joint membership confirms with both majorities", () => {
  const reads = new ReadQueue(1, 10);
  reads.ask({ from: 1, context: bytes("a") }, 5);
  const round = reads.nextRound();
  reads.acknowledge(2, round);
  const joint = { voters: [1, 2, 3], votersOutgoing: [1, 4, 5] };
  assert.deepEqual(reads.takeConfirmed(joint), []);
  reads.acknowledge(4, round);
  assert.equal(reads.takeConfirmed(joint).length, 1);
});

Deno.test("ReadQueue: early reads wait for the first commit and then for a round", () => {
  const reads = new ReadQueue(1, 10);
  reads.askEarly({ from: 1, context: bytes("a") });
  assert(!reads.needsRound);
  const round = reads.nextRound();
  reads.acknowledge(2, round);
  reads.releaseEarly(8);
  assert.deepEqual(reads.takeConfirmed(GROUP), []);
  assert(reads.needsRound);
  reads.acknowledge(2, reads.nextRound());
  assert.deepEqual(texts(reads.takeConfirmed(GROUP)), ["a@8"]);
});

Deno.test("ReadQueue.full: at the limit, early and other reads together", () => {
  const reads = new ReadQueue(1, 2);
  reads.askEarly({ from: 1, context: bytes("a") });
  assert(!reads.full);
  reads.ask({ from: 1, context: bytes("b") }, 1);
  assert(reads.full);
});
