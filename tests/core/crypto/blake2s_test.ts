import assert from "node:assert/strict";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import rfc7693 from "../../vectors/rfc7693.json" with { type: "json" };
import { testOnEachSuite } from "./suites.ts";

const fromHex = Uint8Array.fromHex;

/** The input generator of RFC 7693, appendix E: a Fibonacci sequence, of which the high bytes count. */
function selfTestSequence(length: number, seed: number): Uint8Array<ArrayBuffer> {
  let a = Math.imul(0xdead4bad, seed) >>> 0;
  let b = 1;
  return Uint8Array.from({ length }, () => {
    const t = (a + b) >>> 0;
    a = b;
    b = t;
    return t >>> 24;
  });
}

testOnEachSuite("BLAKE2s.hash: RFC 7693 appendix B", ({ blake2s }) => {
  for (const { input, output } of rfc7693.hash) assert.equal(blake2s.hash(fromHex(input)).toHex(), output);
});

testOnEachSuite("BLAKE2s: RFC 7693 appendix E, the lengths that WireGuard uses", ({ blake2s }) => {
  for (const length of [0, 3, 64, 65, 255, 1024]) {
    const expected = rfc7693.selfTest.find((entry) => entry.inputBytes === length);
    assert(expected);
    const input = selfTestSequence(length, length);
    assert.equal(blake2s.hash(input).toHex(), expected.hash32);
    assert.equal(blake2s.mac(selfTestSequence(16, 16), input, 16).toHex(), expected.keyed16);
    assert.equal(blake2s.mac(selfTestSequence(32, 32), input, 32).toHex(), expected.keyed32);
  }
});

testOnEachSuite("BLAKE2s.mac: the reference implementation's known answers", ({ blake2s }) => {
  for (const { key, input, output } of rfc7693.keyed) {
    assert.equal(blake2s.mac(fromHex(key), fromHex(input), 32).toHex(), output);
  }
});

testOnEachSuite("BLAKE2s.mac: a key without bytes or with too many is a broken invariant", ({ blake2s }) => {
  const data = new Uint8Array(8);
  assert.equal(blake2s.mac(new Uint8Array(1), data, 16).length, 16);
  assert.equal(blake2s.mac(new Uint8Array(32), data, 32).length, 32);
  assert.throws(() => blake2s.mac(new Uint8Array(0), data, 16), InvariantError);
  assert.throws(() => blake2s.mac(new Uint8Array(33), data, 16), InvariantError);
});

testOnEachSuite("BLAKE2s.hash, hmac: parts equal the whole", ({ blake2s }) => {
  const bytes = fc.uint8Array({ maxLength: 150 });
  fc.assert(
    fc.property(bytes, fc.array(bytes, { maxLength: 4 }), (key, parts) => {
      const whole = Uint8Array.from(parts.flatMap((part) => [...part]));
      assert.deepEqual(blake2s.hash(...parts), blake2s.hash(whole));
      assert.deepEqual(blake2s.hmac(key, ...parts), blake2s.hmac(key, whole));
    }),
    { numRuns: 50 },
  );
});

testOnEachSuite("BLAKE2s.hmac: RFC 2104 §2 written out, for every length of key", ({ blake2s }) => {
  const data = fromHex("00112233445566778899");
  for (let length = 0; length <= 70; length++) {
    const key = new Uint8Array(length).fill(length + 1);
    const block = new Uint8Array(64);
    block.set(length > 64 ? blake2s.hash(key) : key);
    const inner = blake2s.hash(block.map((byte) => byte ^ 0x36), data);
    assert.deepEqual(blake2s.hmac(key, data), blake2s.hash(block.map((byte) => byte ^ 0x5c), inner));
  }
});

testOnEachSuite("BLAKE2s: borrows its inputs", ({ blake2s }) => {
  const key = new Uint8Array(32).fill(3);
  const data = new Uint8Array(100).fill(5);
  blake2s.hash(data, data).fill(0);
  blake2s.mac(key, data, 16).fill(0);
  blake2s.hmac(key, data).fill(0);
  assert.deepEqual([...key, ...data], [...new Array(32).fill(3), ...new Array(100).fill(5)]);
});
