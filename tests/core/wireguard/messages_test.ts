import assert from "node:assert/strict";
import fc from "fast-check";
import {
  COOKIE_BYTES,
  COOKIE_REPLY,
  INITIATION,
  MAC_BYTES,
  messageTypeAt,
  readCounter,
  readIndex,
  RESPONSE,
  TRANSPORT,
  writeCounter,
  writeIndex,
  writeType,
} from "../../../core/wireguard/messages.ts";

/** Offsets of fields of the given sizes, one behind the other. */
function offsets(...sizes: number[]): number[] {
  let end = 0;
  return [...sizes.map((size) => (end += size) - size), end];
}

Deno.test("messages: layouts are the field sizes of whitepaper §5.4 added up", () => {
  const [head, index, tag, key] = [4, 4, 16, 32];
  assert.deepEqual(
    [0, ...Object.values(INITIATION)],
    offsets(head, index, key, key + tag, 12 + tag, MAC_BYTES, MAC_BYTES),
  );
  assert.deepEqual([0, ...Object.values(RESPONSE)], offsets(head, index, index, key, tag, MAC_BYTES, MAC_BYTES));
  assert.deepEqual([0, ...Object.values(COOKIE_REPLY)], offsets(head, index, 24, COOKIE_BYTES + tag));
  assert.deepEqual([0, ...Object.values(TRANSPORT)], offsets(head, index, 8, tag));
});

Deno.test("messageTypeAt: the first byte, 0 if the reserved ones are not zero or missing", () => {
  assert.equal(messageTypeAt(Uint8Array.of(9, 4, 0, 0, 0), 1, 4), 4);
  for (const at of [1, 2, 3]) {
    const bytes = Uint8Array.of(1, 0, 0, 0);
    bytes[at] = 1;
    assert.equal(messageTypeAt(bytes, 0, 4), 0);
  }
  for (const length of [0, 1, 2, 3]) assert.equal(messageTypeAt(new Uint8Array(4).fill(1), 0, length), 0);
});

Deno.test("writeType: clears the reserved bytes", () => {
  const bytes = new Uint8Array(6).fill(0xaa);
  writeType(bytes, 1, 3);
  assert.equal(bytes.toHex(), "aa03000000aa");
});

Deno.test("readIndex, writeIndex: every 32-bit integer, little-endian", () => {
  const bytes = new Uint8Array(6);
  writeIndex(bytes, 1, 0x89abcdef | 0);
  assert.equal(bytes.toHex(), "00efcdab8900");
  fc.assert(fc.property(fc.integer(), (index) => {
    writeIndex(bytes, 1, index);
    assert.equal(readIndex(bytes, 1), index);
  }));
});

Deno.test("readCounter, writeCounter: every counter below 2^53, little-endian", () => {
  const bytes = new Uint8Array(8);
  for (const counter of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
    writeCounter(bytes, 0, counter);
    assert.equal(readCounter(bytes, 0), counter);
    assert.equal(new DataView(bytes.buffer).getBigUint64(0, true), BigInt(counter));
  }
  fc.assert(fc.property(fc.maxSafeNat(), (counter) => {
    writeCounter(bytes, 0, counter);
    assert.equal(readCounter(bytes, 0), counter);
  }));
});

Deno.test("readCounter: -1 from 2^53 on", () => {
  for (const counter of [2n ** 53n, 2n ** 60n - 1n, 2n ** 63n, 2n ** 64n - 2n ** 13n - 1n, 2n ** 64n - 1n]) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, counter, true);
    assert.equal(readCounter(bytes, 0), -1, String(counter));
  }
});
