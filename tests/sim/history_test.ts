import assert from "node:assert/strict";
import { History } from "./history.ts";

Deno.test("History: finds what no order explains, and names the key", () => {
  const history = new History(1);
  const key = history.keyAt(0);
  const write = history.call(key, { kind: "swap", value: 5 }, 1);
  Object.assign(write, { output: 0, returnAt: 2 });
  const read = history.call(key, { kind: "read" }, 3);
  Object.assign(read, { output: 0, returnAt: 4 });
  assert.match(history.judge().violation ?? "", new RegExp(`on key ${key}`));
  read.output = 5;
  assert.deepEqual(history.judge(), { violation: undefined, operationsCount: 2 });
});

Deno.test("History: what had no effect does not count, and reads without an answer say nothing", () => {
  const history = new History(1);
  const key = history.keyAt(0);
  history.forget(history.call(key, { kind: "swap", value: 5 }, 1));
  history.call(key, { kind: "read" }, 2);
  assert.deepEqual(history.judge(), { violation: undefined, operationsCount: 0 });
});

Deno.test("History: a key is given up before the search grows", () => {
  const history = new History(1);
  const first = history.keyAt(0);
  for (let i = 0; i < 5; i++) history.unknown(history.call(first, { kind: "swap", value: i }, i));
  assert.notEqual(history.keyAt(0), first);
  const keys = new Set(Array.from({ length: 200 }, () => history.keyAt(0)));
  assert(keys.size >= 4 && keys.size <= 6, `${keys.size} keys`);
});
