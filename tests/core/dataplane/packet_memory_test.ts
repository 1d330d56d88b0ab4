import assert from "node:assert/strict";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import { SUM_BYTES_MAX } from "../../../core/dataplane/checksum_wasm.ts";
import {
  allocatePacketMemory,
  type PacketMemory,
  plainMemory,
  vectorMemory,
} from "../../../core/dataplane/packet_memory.ts";

const MEMORY_BYTES = 2 * SUM_BYTES_MAX;
const TARGET = SUM_BYTES_MAX;

/** RFC 1071 §4.1, one byte at a time. */
function slowSum(bytes: Uint8Array): number {
  let sum = 0;
  bytes.forEach((byte, index) => sum += index % 2 === 0 ? byte * 256 : byte);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

function withVectors(): PacketMemory {
  const memory = vectorMemory(MEMORY_BYTES);
  assert.ok(memory, "this machine has vectors");
  return memory;
}

/** Bytes with many zeros and ones, where carries and the two zeros of one's complement show. */
const contents = fc.uint8Array({ maxLength: 200 }).chain((values) =>
  fc.constantFrom(values, values.map((byte) => byte & 1 ? 0xff : 0))
);

for (const [name, make] of [["vectorMemory", withVectors], ["plainMemory", () => plainMemory(MEMORY_BYTES)]] as const) {
  Deno.test(`${name}: sums equal the byte loop at every length and offset, and copies are exact`, () => {
    const memory = make();
    fc.assert(
      fc.property(contents, fc.nat(40), fc.nat(40), (values, offset, shift) => {
        const target = TARGET + shift;
        memory.bytes.set(values, offset);
        memory.bytes.fill(0xa5, target - 1, target + values.length + 1);
        assert.equal(memory.sum(offset, values.length), slowSum(values));
        assert.equal(memory.copySum(target, offset, values.length), slowSum(values));
        assert.deepEqual(memory.bytes.subarray(target, target + values.length), values);
        assert.deepEqual([memory.bytes[target - 1], memory.bytes[target + values.length]], [0xa5, 0xa5]);
      }),
      { numRuns: 1000 },
    );
  });

  Deno.test(`${name}: every length up to a packet, byte by byte`, () => {
    const memory = make();
    for (let i = 0; i < 3000; i++) memory.bytes[i] = i * 167 + (i >>> 5);
    for (let length = 0; length <= 1500; length++) {
      assert.equal(memory.copySum(TARGET, length, length), slowSum(memory.bytes.subarray(length, 2 * length)));
      assert.equal(memory.bytes[TARGET + length], 0, "nothing behind the copy is touched");
    }
  });

  Deno.test(`${name}: the largest words do not overflow`, () => {
    const memory = make();
    memory.bytes.fill(0xff);
    assert.equal(memory.sum(0, 65_535), slowSum(memory.bytes.subarray(0, 65_535)));
    assert.equal(memory.sum(1, 131_072), 0xffff);
  });

  Deno.test(`${name}: the view sees the bytes`, () => {
    const memory = make();
    memory.view.setUint16(100, 0x1234);
    assert.equal(memory.sum(100, 2), 0x1234);
    assert.equal(memory.bytes[101], 0x34);
  });
}

Deno.test("vectorMemory: the longest range with the largest words does not overflow, one byte more is refused", () => {
  const memory = withVectors();
  memory.bytes.fill(0xff);
  assert.equal(memory.sum(0, SUM_BYTES_MAX), 0xffff);
  assert.equal(memory.copySum(TARGET, 0, SUM_BYTES_MAX), 0xffff);
  assert.throws(() => memory.sum(0, SUM_BYTES_MAX + 1), InvariantError);
  assert.throws(() => memory.copySum(0, 0, SUM_BYTES_MAX + 1), InvariantError);
});

Deno.test("vectorMemory: a range outside is an error, not a read of other memory", () => {
  const memory = withVectors();
  assert.throws(() => memory.sum(memory.bytes.length - 1, 2), WebAssembly.RuntimeError);
});

Deno.test("vectorMemory: undefined where there is no room for it", () => {
  assert.equal(vectorMemory(2 ** 40), undefined);
});

Deno.test("allocatePacketMemory: has at least the bytes asked for", () => {
  assert.ok(allocatePacketMemory(1).bytes.length >= 1);
  assert.ok(allocatePacketMemory(65_537).bytes.length >= 65_537);
});
