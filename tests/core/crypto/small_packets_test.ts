import { strict as assert } from "node:assert";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { SMALL_TEXT_BYTES_MAX } from "../../../core/crypto/small_packet_wasm.ts";
import { keyWords, SmallPackets } from "../../../core/crypto/small_packets.ts";
import { TAG_BYTES } from "../../../core/crypto/suite.ts";

function open(): SmallPackets {
  const small = SmallPackets.open();
  assert.ok(small, "this runtime has vectors");
  return small;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const packets = fc.record({
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  counter: fc.oneof(
    fc.nat(3),
    fc.maxSafeNat(),
    fc.constantFrom(2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  ),
  before: fc.nat(20),
  text: fc.nat(SMALL_TEXT_BYTES_MAX / 16).chain((count) =>
    fc.uint8Array({ minLength: 16 * count, maxLength: 16 * count })
  ),
  behind: fc.nat(20),
});

Deno.test("SmallPackets: the same bytes as another implementation, and nothing beside changes", () => {
  using small = open();
  fc.assert(
    fc.property(packets, ({ key, counter, before, text, behind }) => {
      using oracle = nobleSuite.aeadKey(key);
      const words = keyWords(key);
      const ours = Uint8Array.from({ length: before + text.length + TAG_BYTES + behind }, (_, index) => index * 37);
      ours.set(text, before);
      const [theirs, plain] = [ours.slice(), ours.slice()];
      small.seal(words, counter, viewOf(ours), before, text.length);
      oracle.seal(counter, theirs, before, text.length);
      assert.deepEqual(ours, theirs);
      assert.equal(small.open(words, counter, viewOf(ours), before, text.length), true);
      const tagAt = before + text.length;
      plain.set(theirs.subarray(tagAt, tagAt + TAG_BYTES), tagAt);
      assert.deepEqual(ours, plain);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("SmallPackets: one changed bit of text, tag, key or counter is refused, and nothing is written", () => {
  using small = open();
  const key = keyWords(new Uint8Array(32).fill(7));
  const other = keyWords(new Uint8Array(32).fill(7).with(31, 1));
  const sealed = new Uint8Array(96 + TAG_BYTES);
  small.seal(key, 5, viewOf(sealed), 0, 96);
  for (let bit = 0; bit < 8 * sealed.length; bit++) {
    const spoiled = sealed.slice();
    spoiled[bit >> 3]! ^= 1 << bit % 8;
    const expected = spoiled.slice();
    assert.equal(small.open(key, 5, viewOf(spoiled), 0, 96), false);
    assert.deepEqual(spoiled, expected);
  }
  assert.equal(small.open(key, 6, viewOf(sealed), 0, 96), false);
  assert.equal(small.open(key, 5 + 2 ** 32, viewOf(sealed), 0, 96), false);
  assert.equal(small.open(other, 5, viewOf(sealed), 0, 96), false);
  assert.equal(small.open(key, 5, viewOf(sealed), 0, 96), true);
});

Deno.test("takes: whole pieces up to what one pass has a key stream for", () => {
  using small = open();
  const taken = Array.from({ length: 300 }, (_, textBytes) => textBytes).filter((textBytes) => small.takes(textBytes));
  assert.deepEqual(taken, Array.from({ length: 13 }, (_, count) => 16 * count));
  const view = new DataView(new ArrayBuffer(300));
  const key = keyWords(new Uint8Array(32));
  for (const textBytes of [1, 15, 17, 191, SMALL_TEXT_BYTES_MAX + 16]) {
    assert.throws(() => small.seal(key, 1, view, 0, textBytes), InvariantError);
    assert.throws(() => small.open(key, 1, view, 0, textBytes), InvariantError);
  }
});

Deno.test("SmallPackets: a text or tag that does not fit, or a counter that is none, is a broken invariant", () => {
  using small = open();
  const key = keyWords(new Uint8Array(32));
  const view = new DataView(new ArrayBuffer(64));
  assert.throws(() => small.seal(key, 1, view, 0, 64), RangeError);
  assert.throws(() => small.open(key, 1, view, 33, 16), RangeError);
  for (const counter of [-1, 0.5, NaN, 2 ** 53]) {
    assert.throws(() => small.seal(key, counter, view, 0, 16), InvariantError);
  }
  assert.throws(() => keyWords(new Uint8Array(31)), InvariantError);
});
