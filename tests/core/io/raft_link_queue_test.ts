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

function firstBytes(frames: readonly Frame[]): (number | undefined)[] {
  return frames.map(({ bytes }) => bytes[0]);
}

Deno.test("LinkQueue: messages leave in order, joined up to the size of a write", () => {
  const queue = new LinkQueue();
  const message = (first: number) => new Uint8Array(WRITE_BATCH_BYTES / 2 - 100).fill(first);
  for (const first of [1, 2, 3]) assert.equal(queue.push(message(first)), 0);
  queue.push(new Uint8Array(WRITE_BATCH_BYTES * 2).fill(4));
  assert.equal(queue.messagesCount, 4);
  assert.deepEqual(firstBytes(queue.takeBatch()), [1, 2]);
  assert.deepEqual(firstBytes(queue.takeBatch()), [3]);
  assert.deepEqual(firstBytes(queue.takeBatch()), [4], "a large one goes alone");
  assert.deepEqual(queue.takeBatch(), []);
  assert.deepEqual([queue.messagesCount, queue.bytes], [0, 0]);
});

Deno.test("QUEUE_MESSAGES_MAX: so many wait, one more drops the oldest", () => {
  const queue = new LinkQueue();
  for (let i = 0; i < QUEUE_MESSAGES_MAX; i++) assert.equal(queue.push(Uint8Array.of(i)), 0);
  assert.equal(queue.push(Uint8Array.of(77)), 1);
  assert.equal(queue.messagesCount, QUEUE_MESSAGES_MAX);
  assert.equal(queue.takeBatch()[0]?.bytes[0], 1);
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

Deno.test("LinkQueue: a snapshot leaves in parts between messages", () => {
  const queue = new LinkQueue();
  queue.pushSnapshot(new Uint8Array(SNAPSHOT_PART_BYTES * 2 + 1));
  queue.push(Uint8Array.of(1));
  const batches: Frame[][] = [queue.takeBatch()];
  assert(queue.isInSnapshot);
  queue.push(Uint8Array.of(2));
  batches.push(queue.takeBatch(), queue.takeBatch());
  assert(!queue.isInSnapshot);
  const { message, snapshotFirstPart, snapshotPart, snapshotLastPart } = FrameType;
  assert.deepEqual(batches.map((frames) => frames.map(({ type, bytes }) => [type, bytes.length])), [
    [[message, 1], [snapshotFirstPart, SNAPSHOT_PART_BYTES]],
    [[message, 1], [snapshotPart, SNAPSHOT_PART_BYTES]],
    [[snapshotLastPart, 1]],
  ]);
  assert.deepEqual([queue.messagesCount, queue.bytes], [0, 0]);
});

Deno.test("LinkQueue.pushSnapshot: a newer snapshot replaces one that waits or is on its way", () => {
  const queue = new LinkQueue();
  assert.equal(queue.pushSnapshot(new Uint8Array(SNAPSHOT_PART_BYTES + 1).fill(1)), 0);
  queue.takeBatch();
  assert.equal(queue.pushSnapshot(Uint8Array.of(2, 2)), 1);
  assert.deepEqual(queue.takeBatch(), [{ type: FrameType.snapshotWhole, bytes: Uint8Array.of(2, 2) }]);
});

Deno.test("LinkQueue.clear: drops everything and says how much", () => {
  const queue = new LinkQueue();
  queue.push(Uint8Array.of(1));
  queue.pushSnapshot(new Uint8Array(SNAPSHOT_PART_BYTES * 3));
  queue.takeBatch();
  queue.push(Uint8Array.of(2));
  assert.equal(queue.clear(), 2);
  assert.deepEqual([queue.messagesCount, queue.bytes, queue.isInSnapshot], [0, 0, false]);
  assert.deepEqual(queue.takeBatch(), []);
});
