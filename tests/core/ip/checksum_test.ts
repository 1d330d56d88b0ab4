import assert from "node:assert/strict";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import {
  appendSum,
  CHECKSUM_BYTES_MAX,
  checksumOf,
  foldSum,
  internetChecksum,
  isIntactSum,
  sumBytes,
  updateChecksum,
} from "../../../core/ip/checksum.ts";

/** RFC 1071 §4.1, one byte at a time. */
function slowChecksum(bytes: Uint8Array): number {
  let sum = 0;
  bytes.forEach((byte, index) => sum += index % 2 === 0 ? byte * 256 : byte);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sumOf(bytes: Uint8Array): number {
  return sumBytes(viewOf(bytes), 0, bytes.length);
}

/** Bytes with many zeros and ones, where carries and the two zeros of one's complement show. */
const bytes = fc.uint8Array({ maxLength: 100 }).chain((values) =>
  fc.constantFrom(values, values.map((byte) => byte & 1 ? 0xff : 0))
);

Deno.test("internetChecksum: the example of RFC 1071 §3", () => {
  const example = Uint8Array.fromHex("0001f203f4f5f6f7");
  assert.equal(foldSum(sumOf(example)), 0xddf2);
  assert.equal(internetChecksum(viewOf(example), 0, 8), 0x220d);
});

Deno.test("internetChecksum: an IPv4 header with its checksum is intact", () => {
  const header = Uint8Array.fromHex("45000073000040004011b861c0a80001c0a800c7");
  assert(isIntactSum(sumOf(header)));
  header.fill(0, 10, 12);
  assert.equal(internetChecksum(viewOf(header), 0, 20), 0xb861);
});

Deno.test("internetChecksum: equals the byte loop at every length and offset", () => {
  fc.assert(
    fc.property(bytes, fc.nat(100), fc.nat(100), (values, a, b) => {
      const from = Math.min(a, b, values.length);
      const to = Math.min(Math.max(a, b), values.length);
      assert.equal(internetChecksum(viewOf(values), from, to - from), slowChecksum(values.subarray(from, to)));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("internetChecksum: of the largest range with the largest words does not overflow", () => {
  for (const length of [65_535, 65_575, CHECKSUM_BYTES_MAX]) {
    const ones = new Uint8Array(length).fill(0xff);
    assert.equal(internetChecksum(viewOf(ones), 0, length), slowChecksum(ones));
    const high = ones.map((_, index) => index % 4 < 2 ? 0xff : 0);
    assert.equal(internetChecksum(viewOf(high), 0, length), slowChecksum(high));
    const low = ones.map((_, index) => index % 4 < 2 ? 0 : 0xff);
    assert.equal(internetChecksum(viewOf(low), 0, length), slowChecksum(low));
  }
});

Deno.test("sumBytes: one byte past the limit is a broken invariant", () => {
  const view = new DataView(new ArrayBuffer(CHECKSUM_BYTES_MAX + 1));
  assert.throws(() => sumBytes(view, 0, CHECKSUM_BYTES_MAX + 1), InvariantError);
  assert.throws(() => sumBytes(view, 0, -1), InvariantError);
});

Deno.test("sumBytes: even parts add up to the whole", () => {
  fc.assert(fc.property(bytes, fc.nat(50), (values, half) => {
    const cut = Math.min(half * 2, values.length & ~1);
    const view = viewOf(values);
    const sum = sumBytes(view, cut, values.length - cut, sumBytes(view, 0, cut));
    assert.equal(checksumOf(sum), slowChecksum(values));
  }));
});

Deno.test("sumBytes: numbers of a pseudo-header are added as they are", () => {
  const datagram = Uint8Array.fromHex("30391389000b0000686921");
  const pseudo = Uint8Array.fromHex("c0a80001c0a800c70011000b");
  const sum = sumBytes(viewOf(datagram), 0, datagram.length, 0xc0a8 + 0x0001 + 0xc0a8 + 0x00c7 + 17 + datagram.length);
  assert.equal(checksumOf(sum), slowChecksum(Uint8Array.of(...pseudo, ...datagram)));
});

Deno.test("appendSum: any parts add up to the whole, in any grouping", () => {
  fc.assert(fc.property(bytes, bytes, bytes, (a, b, c) => {
    const whole = slowChecksum(Uint8Array.of(...a, ...b, ...c));
    const left = appendSum(appendSum(sumOf(a), a.length, sumOf(b)), a.length + b.length, sumOf(c));
    const right = appendSum(sumOf(a), a.length, appendSum(sumOf(b), b.length, sumOf(c)));
    assert.equal(checksumOf(left), whole);
    assert.equal(checksumOf(right), whole);
  }));
});

Deno.test("updateChecksum: equals computing it anew", () => {
  const packet = fc.uint8Array({ minLength: 4, maxLength: 40 }).map((values) => values.subarray(0, values.length & ~1));
  const word = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 1, 0xffff));
  fc.assert(fc.property(packet, fc.nat(40), word, (values, at, newWord) => {
    const view = viewOf(values);
    const offset = at * 2 % values.length;
    // A packet of zeros alone has no header; RFC 1624 §3 leaves that case out.
    values[(offset + 2) % values.length] = 0x45;
    const before = internetChecksum(view, 0, values.length);
    const oldWord = view.getUint16(offset);
    view.setUint16(offset, newWord);
    assert.equal(updateChecksum(before, oldWord, newWord), internetChecksum(view, 0, values.length));
  }));
});

Deno.test("updateChecksum: the example of RFC 1624 §4", () => {
  assert.equal(updateChecksum(0xdd2f, 0x5555, 0x3285), 0x0000);
});
