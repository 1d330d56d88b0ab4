import assert from "node:assert/strict";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import { ByteReader } from "../../../core/bytes/reader.ts";
import { ByteWriter, GrowingByteWriter } from "../../../core/bytes/writer.ts";

type IntegerField = "u8" | "u16be" | "u16le" | "u32be" | "u32le" | "u48be" | "u48le" | "u53be" | "u53le";
const MAXIMA: [IntegerField, number][] = [
  ["u8", 0xff],
  ["u16be", 0xffff],
  ["u16le", 0xffff],
  ["u32be", 0xffffffff],
  ["u32le", 0xffffffff],
  ["u48be", 2 ** 48 - 1],
  ["u48le", 2 ** 48 - 1],
  ["u53be", 2 ** 53 - 1],
  ["u53le", 2 ** 53 - 1],
];

const integer = fc.constantFrom(...MAXIMA).chain(([field, max]) =>
  fc.record({ field: fc.constant(field), value: fc.maxSafeNat().map((value) => value % (max + 1)) })
);

Deno.test("ByteWriter: every field lies where its name says", () => {
  const writer = new ByteWriter(new Uint8Array(64));
  writer.u8(1).u16be(0x0203).u16le(0x0504).u32be(0x06070809).u32le(0x0d0c0b0a);
  writer.u48be(0x0e0f10111213).u48le(0x191817161514).u53be(0x1a1b1c1d1e1f20).u53le(0x07060504030201);
  assert.equal(
    writer.written.toHex(),
    "0102030405060708090a0b0c0d0e0f10111213141516171819" + "001a1b1c1d1e1f20" + "0102030405060700",
  );
});

Deno.test("ByteWriter: a reader gets back what was written", () => {
  fc.assert(fc.property(fc.array(integer, { maxLength: 30 }), (fields) => {
    const writer = new GrowingByteWriter(0, 1000);
    for (const { field, value } of fields) writer[field](value);
    const reader = new ByteReader(writer.written);
    for (const { field, value } of fields) assert.equal(reader[field](), value);
    assert.equal(reader.remaining, 0);
  }));
});

for (const [field, max] of MAXIMA) {
  Deno.test(`ByteWriter.${field}: the largest value fits, what does not is a broken invariant`, () => {
    const writer = new ByteWriter(new Uint8Array(8));
    for (const value of [max + 1, -1, 0.5, NaN]) {
      assert.throws(() => writer[field](value), InvariantError, `${value}`);
    }
    assert.equal(writer.offset, 0);
    writer[field](max);
    assert.equal(new ByteReader(writer.written)[field](), max);
  });
}

Deno.test("ByteWriter: fills the caller's bytes and nothing behind its room", () => {
  const buffer = new Uint8Array(8).fill(0xee);
  const writer = new ByteWriter(buffer.subarray(2, 6));
  writer.bytes(Uint8Array.of(1, 2)).zeros(2);
  assert.deepEqual([...buffer], [0xee, 0xee, 1, 2, 0, 0, 0xee, 0xee]);
  assert.throws(() => writer.u8(0), InvariantError);
  assert.throws(() => writer.bytes(Uint8Array.of(1)), InvariantError);
  for (const length of [1, -1, 0.5]) assert.throws(() => writer.zeros(length), InvariantError);
  assert.equal(writer.bytes(new Uint8Array()).offset, 4);
});

Deno.test("GrowingByteWriter: grows to its limit and not one byte past it", () => {
  const writer = new GrowingByteWriter(1, 100);
  for (let i = 0; i < 100; i++) writer.u8(i);
  assert.deepEqual(writer.written, Uint8Array.from({ length: 100 }, (_, index) => index));
  assert.throws(() => writer.u8(0), InvariantError);
});

Deno.test("GrowingByteWriter: one write larger than the doubled buffer", () => {
  const writer = new GrowingByteWriter(4, 1000);
  writer.u8(7).bytes(new Uint8Array(600).fill(9));
  assert.equal(writer.offset, 601);
  assert.equal(writer.written[600], 9);
});
