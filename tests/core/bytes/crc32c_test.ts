import assert from "node:assert/strict";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import { crc32c } from "../../../core/bytes/crc32c.ts";

/** The definition: one bit at a time. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

Deno.test("crc32c: RFC 3720 B.4 and the check value", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);
  const readCommand = Uint8Array.fromHex(
    "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000",
  );
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(ascending), 0x46dd794e);
  assert.equal(crc32c(ascending.toReversed()), 0x113fdb5c);
  assert.equal(crc32c(readCommand), 0xd9963a56);
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array()), 0);
});

Deno.test("crc32c: equals the bit by bit definition at every length and offset", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(70), (bytes, offset) => {
    const from = Math.min(offset, bytes.length);
    assert.equal(crc32c(bytes, from), slowCrc32c(bytes.subarray(from)));
    assert.equal(crc32c(bytes, 0, from), slowCrc32c(bytes.subarray(0, from)));
  }));
});

Deno.test("crc32c: parts chained by seed equal the whole", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(70), (bytes, cut) => {
    const at = Math.min(cut, bytes.length);
    assert.equal(crc32c(bytes, at, bytes.length - at, crc32c(bytes, 0, at)), crc32c(bytes));
  }));
});

Deno.test("crc32c: a range outside the bytes is a broken invariant", () => {
  const bytes = new Uint8Array(8);
  for (const [offset, length] of [[0, 9], [9, 0], [-1, 1], [0, -1], [8, 1], [0, NaN]] as const) {
    assert.throws(() => crc32c(bytes, offset, length), InvariantError);
  }
});
