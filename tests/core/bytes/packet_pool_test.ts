import assert from "node:assert/strict";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import { HEADROOM_BYTES, type PacketBuffer, PacketPool, TAILROOM_BYTES } from "../../../core/bytes/packet_pool.ts";

function take(pool: PacketPool): PacketBuffer {
  const buffer = pool.acquire();
  assert(buffer);
  return buffer;
}

Deno.test("PacketPool.acquire: room in front, for the payload and behind", () => {
  const buffer = take(new PacketPool(2, 1500));
  assert.equal(buffer.offset, HEADROOM_BYTES);
  assert.equal(buffer.length, 0);
  assert.equal(buffer.bytes.length, HEADROOM_BYTES + 1500 + TAILROOM_BYTES);
  assert.equal(buffer.view.byteOffset, buffer.bytes.byteOffset);
  assert.equal(buffer.view.byteLength, buffer.bytes.byteLength);
});

Deno.test("PacketPool: payloads are aligned and buffers do not overlap", () => {
  const pool = new PacketPool(5, 1501);
  const buffers = Array.from({ length: 5 }, () => take(pool));
  for (const buffer of buffers) {
    assert.equal((buffer.bytes.byteOffset + HEADROOM_BYTES) % 64, 0);
    buffer.bytes.fill(buffer.slot + 1);
  }
  for (const buffer of buffers) assert(buffer.bytes.every((byte) => byte === buffer.slot + 1));
});

Deno.test("PacketPool.acquire: one past the limit is undefined and counted", () => {
  const pool = new PacketPool(3, 100);
  const buffers = [take(pool), take(pool), take(pool)];
  assert.equal(new Set(buffers).size, 3);
  assert.equal(pool.missCount, 0);
  assert.equal(pool.acquire(), undefined);
  assert.equal(pool.missCount, 1);
  assert.equal(pool.inUseCount, 3);
});

Deno.test("PacketPool.release: the buffer comes back reset", () => {
  const pool = new PacketPool(1, 100);
  const buffer = take(pool);
  buffer.offset = 3;
  buffer.length = 50;
  pool.release(buffer);
  assert.equal(take(pool), buffer);
  assert.equal(buffer.offset, HEADROOM_BYTES);
  assert.equal(buffer.length, 0);
});

Deno.test("PacketPool.release: twice is a broken invariant", () => {
  const pool = new PacketPool(2, 100);
  const buffer = take(pool);
  take(pool);
  pool.release(buffer);
  assert.throws(() => pool.release(buffer), InvariantError);
  assert.equal(pool.inUseCount, 1);
});

Deno.test("PacketPool.release: another pool's buffer is a broken invariant", () => {
  const pool = new PacketPool(2, 100);
  take(pool);
  assert.throws(() => pool.release(take(new PacketPool(2, 100))), InvariantError);
});

Deno.test("PacketPool.inUseMax: keeps the peak", () => {
  const pool = new PacketPool(4, 100);
  const buffers = [take(pool), take(pool), take(pool)];
  for (const buffer of buffers) pool.release(buffer);
  take(pool);
  assert.equal(pool.inUseMax, 3);
  assert.equal(pool.inUseCount, 1);
});

Deno.test("PacketPool: any order of acquiring and releasing agrees with a set", () => {
  const step = fc.oneof(fc.constant("acquire" as const), fc.nat(10));
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const pool = new PacketPool(6, 32);
    const held: PacketBuffer[] = [];
    let missCount = 0;
    for (const next of steps) {
      if (next !== "acquire") {
        const [buffer] = held.splice(next, 1);
        if (buffer) pool.release(buffer);
      } else {
        const buffer = pool.acquire();
        assert.equal(buffer === undefined, held.length === 6);
        if (!buffer) missCount++;
        else assert(!held.includes(buffer));
        if (buffer) held.push(buffer);
      }
      assert.equal(pool.inUseCount, held.length);
    }
    assert.equal(pool.missCount, missCount);
  }));
});

Deno.test("PacketPool: sizes that make no pool are broken invariants", () => {
  for (const [count, bytes] of [[0, 1], [-1, 1], [1, 0], [1.5, 1], [NaN, 1]] as const) {
    assert.throws(() => new PacketPool(count, bytes), InvariantError);
  }
});
