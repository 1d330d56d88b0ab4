import assert from "node:assert/strict";
import { Linger } from "../../../core/node/linger.ts";

Deno.test("Linger: unwanted values stay for the time given, wanted ones for good", () => {
  const linger = new Linger<number>(1000);
  const both = new Map([["a", 1], ["b", 2]]);
  const one = new Map([["a", 1]]);
  assert.deepEqual(linger.keep(both, 0), [1, 2]);
  assert.equal(linger.nextMs(both), Infinity);
  assert.deepEqual(linger.keep(one, 500), [1, 2]);
  assert.equal(linger.nextMs(one), 1000);
  assert.deepEqual(linger.keep(one, 999), [1, 2]);
  assert.deepEqual(linger.keep(one, 1000), [1]);
  assert.equal(linger.nextMs(one), Infinity);
});

Deno.test("Linger: a value that is needed stays, and a while longer", () => {
  const linger = new Linger<number>(1000);
  linger.keep(new Map([["a", 1], ["b", 2]]), 0);
  const isNeeded = (key: string, value: number) => key === "a" && value === 1;
  assert.deepEqual(linger.keep(new Map(), 5000, isNeeded), [1]);
  assert.equal(linger.nextMs(new Map()), 6000);
  assert.deepEqual(linger.keep(new Map(), 5999), [1]);
  assert.deepEqual(linger.keep(new Map(), 6000), []);
});

Deno.test("Linger: a value that is wanted again is the new one", () => {
  const linger = new Linger<number>(1000);
  linger.keep(new Map([["a", 1]]), 0);
  linger.keep(new Map(), 100);
  assert.deepEqual(linger.keep(new Map([["a", 2]]), 200), [2]);
  assert.deepEqual(linger.keep(new Map(), 1100), [2]);
  assert.deepEqual(linger.keep(new Map(), 1200), []);
});
