import assert from "node:assert/strict";
import { Chance } from "./chance.ts";
import { EventQueue } from "./event_queue.ts";

Deno.test("EventQueue: takes out in order of time, and in order of arrival within a moment", () => {
  const chance = new Chance(1);
  const queue = new EventQueue<{ atUs: number; seq: number; readonly name: number }>();
  const expected: { readonly atUs: number; readonly name: number }[] = [];
  for (let name = 0; name < 2000; name++) {
    const atUs = chance.below(50);
    queue.push({ atUs, seq: 0, name });
    expected.push({ atUs, name });
  }
  expected.sort((a, b) => a.atUs - b.atUs || a.name - b.name);
  const found = Array.from({ length: 2000 }, () => queue.pop()).map((event) => event?.name);
  assert.deepEqual(found, expected.map(({ name }) => name));
  assert.equal(queue.pop(), undefined);
});

Deno.test("EventQueue: what is pushed between two pops finds its place", () => {
  const queue = new EventQueue<{ atUs: number; seq: number }>();
  for (const atUs of [5, 1, 3]) queue.push({ atUs, seq: 0 });
  assert.equal(queue.pop()?.atUs, 1);
  queue.push({ atUs: 2, seq: 0 });
  assert.deepEqual([queue.pop()?.atUs, queue.pop()?.atUs, queue.pop()?.atUs], [2, 3, 5]);
  assert.equal(queue.size, 0);
});
