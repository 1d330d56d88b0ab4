import assert from "node:assert/strict";
import fc from "fast-check";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { TAG_BYTES } from "../../../core/crypto/suite.ts";
import { libcryptoSuite } from "./suites.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const bytes = fc.uint8Array({ maxLength: 300 });
const ignore = libcryptoSuite === undefined;

/** The text of a result, where `undefined` is a result too. */
function hex(result: Uint8Array | undefined): string | undefined {
  return result?.toHex();
}

Deno.test({
  name: "nobleSuite, LibcryptoSuite: X25519 agrees on any keys",
  ignore,
  fn() {
    assert(libcryptoSuite);
    const { x25519 } = libcryptoSuite;
    fc.assert(
      fc.property(key, key, (secret, point) => {
        assert.equal(hex(x25519.publicKey(secret)), hex(nobleSuite.x25519.publicKey(secret)));
        assert.equal(hex(x25519.sharedSecret(secret, point)), hex(nobleSuite.x25519.sharedSecret(secret, point)));
      }),
      { numRuns: 40 },
    );
  },
});

Deno.test({
  name: "nobleSuite, LibcryptoSuite: BLAKE2s agrees on any input",
  ignore,
  fn() {
    assert(libcryptoSuite);
    const { blake2s } = libcryptoSuite;
    const shortKey = fc.uint8Array({ minLength: 1, maxLength: 32 });
    const outputBytes = fc.constantFrom(16 as const, 32 as const);
    fc.assert(fc.property(bytes, bytes, shortKey, outputBytes, (a, b, k, size) => {
      assert.equal(hex(blake2s.hash(a, b)), hex(nobleSuite.blake2s.hash(a, b)));
      assert.equal(hex(blake2s.hmac(a, b)), hex(nobleSuite.blake2s.hmac(a, b)));
      assert.equal(hex(blake2s.mac(k, a, size)), hex(nobleSuite.blake2s.mac(k, a, size)));
    }));
  },
});

for (const [name, nonceBytes] of [["chacha20Poly1305", 12], ["xchacha20Poly1305", 24]] as const) {
  Deno.test({
    name: `nobleSuite, LibcryptoSuite: ${name} seals alike, and each opens what the other sealed`,
    ignore,
    fn() {
      assert(libcryptoSuite);
      const ours = libcryptoSuite[name];
      const theirs = nobleSuite[name];
      const nonce = fc.uint8Array({ minLength: nonceBytes, maxLength: nonceBytes });
      fc.assert(fc.property(key, nonce, bytes, bytes, fc.nat(400), (k, iv, data, text, at) => {
        const sealed = ours.seal(k, iv, data, text);
        assert.equal(hex(sealed), hex(theirs.seal(k, iv, data, text)));
        assert.equal(hex(ours.open(k, iv, data, theirs.seal(k, iv, data, text))), hex(text));
        assert.equal(hex(theirs.open(k, iv, data, sealed)), hex(text));
        const bad = at < sealed.length ? sealed.with(at, sealed[at]! ^ 1) : sealed.subarray(1);
        assert.equal(hex(ours.open(k, iv, data, bad)), hex(theirs.open(k, iv, data, bad)));
      }));
    },
  });
}

Deno.test({
  name: "nobleSuite, LibcryptoSuite: packet keys agree at any counter, offset and length",
  ignore,
  fn() {
    assert(libcryptoSuite);
    const suite = libcryptoSuite;
    fc.assert(fc.property(key, fc.maxSafeNat(), fc.nat(30), fc.nat(1600), (k, counter, offset, length) => {
      using ours = suite.aeadKey(k);
      using theirs = nobleSuite.aeadKey(k);
      const a = new Uint8Array(offset + length + TAG_BYTES).fill(length);
      const b = a.slice();
      ours.seal(counter, a, offset, length);
      theirs.seal(counter, b, offset, length);
      assert.equal(hex(a), hex(b));
      assert(ours.open(counter, b, offset, length + TAG_BYTES));
      assert(theirs.open(counter, a, offset, length + TAG_BYTES));
      assert.equal(hex(a.subarray(0, offset + length)), hex(b.subarray(0, offset + length)));
    }));
  },
});

Deno.test("nobleSuite: says what it is", () => {
  assert.equal(nobleSuite.name, "noble");
});
