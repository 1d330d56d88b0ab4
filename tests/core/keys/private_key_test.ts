import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import type { Random } from "../../../core/seams/random.ts";
import rfc7748 from "../../vectors/rfc7748.json" with { type: "json" };

/** Gives one byte value for ever. */
function constantRandom(value: number): Random {
  return { fill: (target) => void target.fill(value), u32: () => value * 0x01010101 };
}

Deno.test("PrivateKey.generate: takes its bytes from the given randomness, clamped", () => {
  for (const value of [0x00, 0x55, 0xff]) {
    const bytes = PrivateKey.generate(constantRandom(value)).reveal();
    const expected = new Uint8Array(32).fill(value);
    expected[0] = value & 0xf8;
    expected[31] = value & 0x7f | 0x40;
    assert.deepEqual(bytes, expected);
  }
});

Deno.test("PrivateKey.fromBase64: clamps as RFC 7748 §5 does", () => {
  const key = PrivateKey.fromBase64(new Uint8Array(32).fill(0xff).toBase64());
  assert(key);
  assert.equal(key.reveal()[0], 0xf8);
  assert.equal(key.reveal()[31], 0x7f);
});

Deno.test("PrivateKey.fromBase64: undefined for malformed text", () => {
  for (const text of ["", "x", "A".repeat(44)]) assert.equal(PrivateKey.fromBase64(text), undefined);
});

Deno.test("PrivateKey.fromBytes: leaves the caller's bytes alone", () => {
  const bytes = new Uint8Array(32).fill(0xff);
  PrivateKey.fromBytes(bytes);
  assert.deepEqual(bytes, new Uint8Array(32).fill(0xff));
});

Deno.test("PrivateKey.publicKey: RFC 7748 §6.1", () => {
  const { alicePrivate, alicePublic } = rfc7748.diffieHellman;
  const key = PrivateKey.fromBytes(Uint8Array.fromHex(alicePrivate));
  assert.equal(key?.publicKey(nobleSuite.x25519).bytes.toHex(), alicePublic);
});
