/**
 * What waits for a member: order, limits, and a snapshot beside it.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { type Frame, FrameType } from "../../../core/io/raft_link_frame.ts";
import {
  QUEUE_BYTES_MAX,
  QUEUE_MESSAGES_MAX,
  SNAPSHOT_PART_BYTES,
  WRITE_BATCH_BYTES,
} from "../../../core/io/raft_link_limits.ts";
import { LinkQueue } from "../../../core/io/raft_link_queue.ts";
import { snapshotOf } from "./raft_link_lab.ts";

function firstBytes(frames: readonly Frame[]): (number | undefined)[] {
  return frames.map(({ bytes }) => bytes[0]);
}

Deno.test("LinkQueue: messages leave in order, joined up to the size of a write", () => {
  const queue = new LinkQueue();
  const message = (first: number) => new Uint8Array(WRITE_BATCH_BYTES / 2 - 100).fill(first);
  for (const first of [1, 2, 3]) assert.equal(queue.push(message(first)), 0);
  queue.push(new Uint8Array(WRITE_BATCH_BYTES * 2).fill(4));
  assert.equal(queue.messagesCount, 4);
  assert.deepEqual(firstBytes(queue.takeBatch(0)), [1, 2]);
  assert.deepEqual(firstBytes(queue.takeBatch(0)), [3]);
  assert.deepEqual(firstBytes(queue.takeBatch(0)), [4], "a large one goes alone");
  assert.deepEqual(queue.takeBatch(0), []);
  assert.deepEqual([queue.messagesCount, queue.bytes], [0, 0]);
});

Deno.test("QUEUE_MESSAGES_MAX: so many wait, one more drops the oldest", () => {
  const queue = new LinkQueue();
  for (let i = 0; i < QUEUE_MESSAGES_MAX; i++) assert.equal(queue.push(Uint8Array.of(i)), 0);
  assert.equal(queue.push(Uint8Array.of(77)), 1);
  assert.equal(queue.messagesCount, QUEUE_MESSAGES_MAX);
  assert.equal(queue.takeBatch(0)[0]?.bytes[0], 1);
});

Deno.test("QUEUE_BYTES_MAX: so many bytes wait, more drop the oldest, and one message always fits", () => {
  const queue = new LinkQueue();
  const quarter = new Uint8Array(QUEUE_BYTES_MAX / 4);
  for (let i = 0; i < 4; i++) assert.equal(queue.push(quarter), 0);
  assert.equal(queue.push(Uint8Array.of(1)), 1);
  assert.equal(queue.bytes, 3 * quarter.length + 1);
  assert.equal(queue.push(new Uint8Array(QUEUE_BYTES_MAX + 1)), 4);
  assert.equal(queue.messagesCount, 1);
});

const DIGEST = new Uint8Array(32).fill(5);

/** A queue with a snapshot whose offer was answered: there is nothing of it yet. */
function inSnapshot(dataBytes: number): LinkQueue {
  const queue = new LinkQueue();
  assert.equal(queue.pushSnapshot(snapshotOf(dataBytes)), 0);
  assert.deepEqual(queue.takeBatch(0), [], "the digest is not known yet");
  assert(queue.snapshot);
  queue.snapshot.digest = DIGEST;
  assert.deepEqual(queue.takeBatch(0).map(({ type }) => type), [FrameType.snapshotOffer]);
  assert.deepEqual(queue.takeBatch(0), []);
  assert(queue.snapshot.receiverHas({ digest: DIGEST, bytes: 0 }, 0));
  return queue;
}

Deno.test("LinkQueue: a snapshot leaves in parts between messages", () => {
  const queue = inSnapshot(SNAPSHOT_PART_BYTES * 2 + 1);
  queue.push(Uint8Array.of(1));
  const batches: Frame[][] = [queue.takeBatch(0)];
  assert(queue.isInSnapshot);
  queue.push(Uint8Array.of(2));
  batches.push(queue.takeBatch(0), queue.takeBatch(0));
  const { message, snapshotPart } = FrameType;
  assert.deepEqual(batches.map((frames) => frames.map(({ type, bytes }) => [type, bytes.length])), [
    [[message, 1], [snapshotPart, 8 + SNAPSHOT_PART_BYTES]],
    [[message, 1], [snapshotPart, 8 + SNAPSHOT_PART_BYTES]],
    [[snapshotPart, 8 + 1]],
  ]);
  assert.equal(queue.bytes, SNAPSHOT_PART_BYTES * 2 + 1, "nothing of it has arrived as far as is known");
  queue.endSnapshot();
  assert.deepEqual([queue.messagesCount, queue.bytes, queue.isInSnapshot], [0, 0, false]);
});

Deno.test("LinkQueue.pushSnapshot: another snapshot replaces one that waits or is on its way, the same goes on", () => {
  const queue = inSnapshot(SNAPSHOT_PART_BYTES + 1);
  queue.takeBatch(0);
  const { snapshot } = queue;
  const again = snapshotOf(3);
  assert.equal(queue.pushSnapshot(again), 1);
  assert.notEqual(queue.snapshot, snapshot);
  assert(!queue.isInSnapshot);
  const renewed = queue.snapshot;
  assert.equal(queue.pushSnapshot({ ...again, term: 5 }), 0);
  assert.equal(queue.snapshot, renewed);
});

Deno.test("LinkQueue.pushHave: the newest answer goes first", () => {
  const queue = new LinkQueue();
  queue.push(Uint8Array.of(1));
  queue.pushHave(Uint8Array.of(2));
  queue.pushHave(Uint8Array.of(3));
  assert.deepEqual(queue.takeBatch(0), [
    { type: FrameType.snapshotHave, bytes: Uint8Array.of(3) },
    { type: FrameType.message, bytes: Uint8Array.of(1) },
  ]);
  assert.deepEqual(queue.takeBatch(0), []);
});

Deno.test("LinkQueue.clear: drops everything and says how much", () => {
  const queue = inSnapshot(SNAPSHOT_PART_BYTES * 3);
  queue.push(Uint8Array.of(1));
  queue.takeBatch(0);
  queue.push(Uint8Array.of(2));
  queue.pushHave(Uint8Array.of(3));
  assert.equal(queue.clear(), 2);
  assert.deepEqual([queue.messagesCount, queue.bytes, queue.isInSnapshot], [0, 0, false]);
  assert.deepEqual(queue.takeBatch(0), []);
});
