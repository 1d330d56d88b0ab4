import assert from "node:assert/strict";
import fc from "fast-check";
import { Inflights } from "../../../core/raft/inflights.ts";

Deno.test("Inflights: full at the limit of messages, one past it is a bug", () => {
  const window = new Inflights(2, Infinity);
  window.add(1, 10);
  assert(!window.full);
  window.add(2, 10);
  assert(window.full);
  assert.throws(() => window.add(3, 10), { name: "InvariantError" });
  window.freeUpTo(1);
  assert(!window.full);
});

Deno.test("Inflights: full once the bytes reach the limit, which the last message may pass", () => {
  const window = new Inflights(10, 15);
  window.add(1, 10);
  assert(!window.full);
  window.add(2, 10);
  assert(window.full);
  window.freeUpTo(2);
  assert.deepEqual([window.full, window.count, window.bytes], [false, 0, 0]);
});

Deno.test("Inflights: behaves as a list of what is not freed", () => {
  const action = fc.record({ add: fc.boolean(), amount: fc.integer({ min: 0, max: 5 }) });
  fc.assert(fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
    const window = new Inflights(8, Infinity);
    let model: { index: number; bytes: number }[] = [];
    let next = 1;
    for (const { add, amount } of actions) {
      if (add && !window.full) {
        next += amount + 1;
        window.add(next, amount);
        model.push({ index: next, bytes: amount });
      } else {
        const to = (model[0]?.index ?? 0) + amount;
        window.freeUpTo(to);
        model = model.filter(({ index }) => index > to);
      }
      assert.equal(window.count, model.length);
      assert.equal(window.bytes, model.reduce((sum, { bytes }) => sum + bytes, 0));
    }
  }));
});
