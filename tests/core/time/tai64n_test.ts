import assert from "node:assert/strict";
import fc from "fast-check";
import { compareTai64n, nextTai64n, tai64n, wallMsOfTai64n } from "../../../core/time/tai64n.ts";

Deno.test("tai64n: the label of 1970 and of a known second", () => {
  assert.equal(tai64n(0).toHex(), "400000000000000a00000000");
  // 1970-01-01T00:00:00.5Z
  assert.equal(tai64n(500).toHex(), "400000000000000a1dcd6500");
  assert.equal(tai64n(Date.UTC(2024, 0, 1)).toHex(), "400000006592008a00000000");
});

Deno.test("tai64n: seconds past 2^32 reach the high word", () => {
  assert.equal(tai64n((2 ** 32) * 1000).toHex(), "400000010000000a00000000");
});

Deno.test("tai64n: a clock before 1970, or none, counts as 1970", () => {
  for (const wallMs of [-1, NaN, -Infinity, Infinity]) assert.deepEqual(tai64n(wallMs), tai64n(0));
});

Deno.test("tai64n: granularity rounds nanoseconds down", () => {
  const label = tai64n(1000.123, 2 ** 24);
  assert.equal(label.toHex(), "400000000000000b00000000");
  assert.equal(tai64n(1020, 2 ** 24).toHex(), "400000000000000b01000000");
});

Deno.test("compareTai64n: orders labels as their instants", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 1e13 }), fc.integer({ min: 0, max: 1e13 }), (a, b) => {
    assert.equal(Math.sign(compareTai64n(tai64n(a), tai64n(b))), Math.sign(a - b));
    assert.equal(wallMsOfTai64n(tai64n(a)), a);
  }));
});

Deno.test("nextTai64n: one nanosecond on, across seconds and words, never past the last label", () => {
  const next = (hex: string) => nextTai64n(Uint8Array.fromHex(hex)).toHex();
  assert.equal(next("400000000000000a00000000"), "400000000000000a00000001");
  assert.equal(next("400000000000000a3b9ac9ff"), "400000000000000b00000000");
  assert.equal(next("40000000ffffffff3b9ac9ff"), "400000010000000000000000");
  assert.equal(next("ffffffffffffffff3b9ac9ff"), "ffffffffffffffffffffffff");
  assert.equal(next("ffffffffffffffffffffffff"), "ffffffffffffffffffffffff");
});
