import assert from "node:assert/strict";
import { QueueBudget, SendQueue } from "../../../core/wireguard/send_queue.ts";

const push = (queue: SendQueue, byte: number) => queue.push(Uint8Array.of(0, byte, byte, 0), 1, 2);

function drain(queue: SendQueue): number[] {
  const bytes: number[] = [];
  for (let packet = queue.shift(); packet !== undefined; packet = queue.shift()) {
    assert.equal(packet.length, 2);
    bytes.push(packet.buffer[packet.offset]!);
  }
  return bytes;
}

Deno.test("SendQueue: copies in and gives out in order, with room for header, padding and tag", () => {
  const queue = new SendQueue(4, new QueueBudget(10));
  const buffer = Uint8Array.of(9, 1, 2, 3, 9);
  assert.equal(queue.push(buffer, 1, 3), 0);
  buffer.fill(0xaa);
  const packet = queue.shift();
  assert.ok(packet);
  assert.deepEqual([...packet.buffer.subarray(packet.offset, packet.offset + packet.length)], [1, 2, 3]);
  assert.ok(packet.offset >= 16);
  assert.ok(packet.buffer.length >= packet.offset + packet.length + 15 + 16);
  assert.equal(queue.shift(), undefined);
});

Deno.test("SendQueue: one packet past the queue's limit pushes the oldest out", () => {
  const budget = new QueueBudget(10);
  const queue = new SendQueue(3, budget);
  assert.deepEqual([1, 2, 3, 4, 5].map((byte) => push(queue, byte)), [0, 0, 0, 1, 1]);
  assert.equal(budget.used, 3);
  assert.deepEqual(drain(queue), [3, 4, 5]);
  assert.equal(budget.used, 0);
});

Deno.test("SendQueue: one packet past the common limit costs the queue's own oldest, or the packet", () => {
  const budget = new QueueBudget(3);
  const [a, b] = [new SendQueue(9, budget), new SendQueue(9, budget)];
  for (const byte of [1, 2, 3]) push(a, byte);
  assert.equal(push(b, 9), 1);
  assert.equal(b.size, 0);
  assert.equal(push(a, 4), 1);
  assert.deepEqual(drain(a), [2, 3, 4]);
  assert.equal(push(b, 9), 0);
});

Deno.test("SendQueue.clear: gives everything back", () => {
  const budget = new QueueBudget(3);
  const queue = new SendQueue(9, budget);
  push(queue, 1);
  push(queue, 2);
  assert.equal(queue.clear(), 2);
  assert.equal(queue.clear(), 0);
  assert.equal(budget.used, 0);
});
