import { strict as assert } from "node:assert";
import { InvariantError } from "../../../core/assert.ts";
import { PointerCache, pointerTo } from "../../../core/io/pointer_cache.ts";

/** The byte that a pointer points to. */
function byteAt(pointer: Deno.PointerObject): number {
  return new Deno.UnsafePointerView(pointer).getUint8();
}

Deno.test("PointerCache: every place of a large buffer, in any order, again and again", () => {
  const cache = new PointerCache();
  const buffer = new Uint8Array(300_000);
  const value = (offset: number) => offset * 31 + (offset >>> 8) & 0xff;
  for (let i = 0; i < buffer.length; i++) buffer[i] = value(i);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 20_000; i++) {
      const offset = i * 7919 % buffer.length;
      assert.equal(byteAt(cache.at(buffer, offset)), value(offset));
    }
  }
  assert.equal(cache.at(buffer, 4711), cache.at(buffer, 4711), "kept");
});

Deno.test("PointerCache: another buffer has other places, and so has the first one when it comes back", () => {
  const cache = new PointerCache();
  const memory = new Uint8Array(64).fill(3);
  const buffers = [new Uint8Array(8).fill(1), new Uint8Array(70_000).fill(2), memory.subarray(32)];
  for (let round = 0; round < 2; round++) {
    for (const buffer of buffers) {
      for (const offset of [0, 7]) assert.equal(byteAt(cache.at(buffer, offset)), buffer[0]);
    }
  }
});

Deno.test("PointerCache: just behind the buffer is a place, one further is a bug", () => {
  const cache = new PointerCache();
  const buffer = new Uint8Array(100);
  cache.at(buffer, 100);
  assert.throws(() => cache.at(buffer, 101), InvariantError);
  assert.throws(() => cache.at(buffer, -1), InvariantError);
});

Deno.test("pointerTo: short arrays stay where they are", () => {
  const short = Uint8Array.of(1, 2, 3);
  const pointer = pointerTo(short);
  short[0] = 9;
  assert.equal(byteAt(pointer), 9);
});
