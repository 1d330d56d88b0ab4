import assert from "node:assert/strict";
import { systemRandom } from "../../../core/io/random.ts";

Deno.test("systemRandom.fill: fills all of any size, and nothing beside", () => {
  for (const length of [0, 1, 32, 65_536, 65_537, 200_000]) {
    const memory = new Uint8Array(length + 2);
    systemRandom.fill(memory.subarray(1, length + 1));
    assert.equal(memory[0], 0);
    assert.equal(memory[length + 1], 0);
    // The chance that 64 random bytes in a row are zero is 2^-512.
    for (let offset = 1; offset + 64 <= length; offset += 64) {
      assert(memory.subarray(offset, offset + 64).some((byte) => byte !== 0), `${length} ${offset}`);
    }
  }
});

Deno.test("systemRandom.u32: unsigned 32-bit integers that differ", () => {
  const values = Array.from({ length: 100 }, () => systemRandom.u32());
  assert(values.every((value) => Number.isInteger(value) && value >= 0 && value <= 0xffffffff));
  assert(new Set(values).size > 90);
  assert(values.some((value) => value > 0x7fffffff));
});
