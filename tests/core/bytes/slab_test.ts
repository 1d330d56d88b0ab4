/**
 * Pieces of slabs: zeros, apart from each other, and memory of their own past the limit.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { Slab, SLAB_BYTES } from "../../../core/bytes/slab.ts";

Deno.test("take: pieces are zeros and do not overlap, also where a slab ends", () => {
  const slab = new Slab();
  const pieces = Array.from({ length: 300 }, (_, i) => slab.take(1 + i * 7));
  for (const [i, piece] of pieces.entries()) {
    assert.equal(piece.length, 1 + i * 7);
    assert(piece.every((byte) => byte === 0), `piece ${i}`);
    piece.fill(0xff);
  }
  assert(new Set(pieces.map(({ buffer }) => buffer)).size > 1, "more than one slab");
});

Deno.test("take: a slab is filled to its last byte", () => {
  const slab = new Slab(4096);
  const [first, ...rest] = Array.from({ length: 4 }, () => slab.take(1024));
  for (const piece of rest) assert.equal(piece.buffer, first?.buffer);
  assert.notEqual(slab.take(1).buffer, first?.buffer);
});

Deno.test("take: one byte more than a quarter of a slab is memory of its own", () => {
  const slab = new Slab();
  const small = slab.take(SLAB_BYTES / 4);
  const large = slab.take(SLAB_BYTES / 4 + 1);
  assert.equal(large.buffer.byteLength, SLAB_BYTES / 4 + 1);
  assert.equal(slab.take(1).buffer, small.buffer);
});

Deno.test("copy: has the bytes, and keeps them when the original changes", () => {
  const slab = new Slab();
  const bytes = Uint8Array.of(1, 2, 3);
  const copy = slab.copy(bytes);
  bytes.fill(9);
  assert.deepEqual([...copy], [1, 2, 3]);
});
