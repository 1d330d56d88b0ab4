import assert from "node:assert/strict";
import fc from "fast-check";
import { equalBytes, wipe } from "../../../core/bytes/constant_time.ts";

Deno.test("equalBytes: agrees with comparison of texts", () => {
  const bytes = fc.uint8Array({ maxLength: 3, max: 2 });
  fc.assert(fc.property(bytes, bytes, (a, b) => equalBytes(a, b) === (a.join() === b.join())), { numRuns: 1000 });
});

Deno.test("equalBytes: one bit anywhere makes a difference", () => {
  const a = new Uint8Array(32).fill(0x5a);
  for (let bit = 0; bit < 256; bit++) {
    const b = a.slice();
    b[bit >> 3]! ^= 1 << (bit & 7);
    assert(!equalBytes(a, b), `bit ${bit}`);
  }
  assert(equalBytes(a, a.slice()));
});

Deno.test("wipe: zeros all of each and nothing beside it", () => {
  const bytes = new Uint8Array(10).fill(7);
  const other = new Uint8Array(3).fill(7);
  wipe(bytes.subarray(2, 5), other);
  assert.deepEqual([...bytes], [7, 7, 0, 0, 0, 7, 7, 7, 7, 7]);
  assert.deepEqual([...other], [0, 0, 0]);
});
