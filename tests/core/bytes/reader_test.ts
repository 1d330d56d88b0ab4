import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteReader } from "../../../core/bytes/reader.ts";

const BYTES = Uint8Array.of(0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88);
type IntegerRead = "u8" | "u16be" | "u16le" | "u32be" | "u32le" | "u48be" | "u48le" | "u53be" | "u53le";
const WIDTHS: [IntegerRead, number][] = [
  ["u8", 1],
  ["u16be", 2],
  ["u16le", 2],
  ["u32be", 4],
  ["u32le", 4],
  ["u48be", 6],
  ["u48le", 6],
  ["u53be", 8],
  ["u53le", 8],
];

/** The definition: digits in base 256. */
function slowInteger(bytes: Uint8Array, littleEndian: boolean): bigint {
  return BigInt("0x" + (littleEndian ? bytes.toReversed() : bytes).toHex());
}

Deno.test("ByteReader: integers of every width and order", () => {
  const reader = new ByteReader(BYTES);
  assert.equal(reader.u8(), 0x01);
  assert.equal(reader.u16be(), 0x8203);
  assert.equal(reader.u16le(), 0x0584);
  assert.equal(reader.offset, 5);
  assert.equal(reader.remaining, 3);
  assert.equal(new ByteReader(BYTES).u32be(), 0x01820384);
  assert.equal(new ByteReader(BYTES).u32le(), 0x84038201);
  assert.equal(new ByteReader(BYTES).u48be(), 0x018203840586);
  assert.equal(new ByteReader(BYTES).u48le(), 0x860584038201);
});

Deno.test("ByteReader: reads inside a view of a larger buffer", () => {
  const reader = new ByteReader(BYTES.subarray(2, 6));
  assert.equal(reader.u32be(), 0x03840586);
  assert.equal(reader.u8(), undefined);
});

for (const [read, width] of WIDTHS) {
  Deno.test(`ByteReader.${read}: any bytes, as base 256 digits say`, () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: width, maxLength: width }), (bytes) => {
      const reader = new ByteReader(bytes);
      const expected = slowInteger(Uint8Array.from(bytes), read.endsWith("le"));
      const fits = expected <= BigInt(Number.MAX_SAFE_INTEGER);
      assert.equal(reader[read](), fits ? Number(expected) : undefined);
      assert.equal(reader.offset, fits ? width : 0);
    }));
  });

  Deno.test(`ByteReader.${read}: one byte short is undefined and moves nothing`, () => {
    const reader = new ByteReader(BYTES.subarray(0, width - 1));
    assert.equal(reader[read](), undefined);
    assert.equal(reader.offset, 0);
  });
}

Deno.test("ByteReader.u53: 2^53-1 is read, 2^53 is not", () => {
  const largest = Uint8Array.fromHex("001fffffffffffff");
  const tooLarge = Uint8Array.fromHex("0020000000000000");
  assert.equal(new ByteReader(largest).u53be(), Number.MAX_SAFE_INTEGER);
  assert.equal(new ByteReader(largest.toReversed()).u53le(), Number.MAX_SAFE_INTEGER);
  assert.equal(new ByteReader(tooLarge).u53be(), undefined);
  assert.equal(new ByteReader(tooLarge.toReversed()).u53le(), undefined);
});

Deno.test("ByteReader.bytes: a view, not a copy", () => {
  const source = BYTES.slice();
  const reader = new ByteReader(source);
  reader.skip(1);
  const view = reader.bytes(3);
  assert.deepEqual(view, Uint8Array.of(0x82, 0x03, 0x84));
  source[1] = 9;
  assert.equal(view?.[0], 9);
});

Deno.test("ByteReader.bytes, skip: a length that is too long or no length at all moves nothing", () => {
  const reader = new ByteReader(BYTES);
  for (const length of [9, -1, 0.5, NaN, Infinity, 2 ** 53]) {
    assert.equal(reader.bytes(length), undefined, `${length}`);
    assert.equal(reader.skip(length), false, `${length}`);
  }
  assert.equal(reader.offset, 0);
  assert(reader.skip(8));
  assert(reader.skip(0));
  assert.equal(reader.bytes(0)?.length, 0);
});

Deno.test("ByteReader.rest: all that is left, then nothing", () => {
  const reader = new ByteReader(BYTES);
  reader.skip(6);
  assert.deepEqual(reader.rest(), BYTES.subarray(6));
  assert.equal(reader.rest().length, 0);
});

Deno.test("ByteReader: no sequence of reads throws or passes the end", () => {
  const read = fc.oneof(
    fc.constantFrom(...WIDTHS.map(([name]) => name)),
    fc.double(),
    fc.integer({ min: -3, max: 12 }),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), fc.array(read), (bytes, reads) => {
    const reader = new ByteReader(bytes);
    for (const next of reads) {
      const before = reader.offset;
      const value = typeof next === "number" ? reader.bytes(next) : reader[next]();
      assert(value !== undefined ? reader.offset >= before : reader.offset === before);
      assert(reader.remaining >= 0 && reader.offset + reader.remaining === bytes.length);
    }
  }));
});
