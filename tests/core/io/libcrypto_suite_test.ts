import assert from "node:assert/strict";
import { InvariantError } from "../../../core/assert.ts";
import { LIBCRYPTO_NAMES } from "../../../core/io/libcrypto_ffi.ts";
import { LibcryptoSuite } from "../../../core/io/libcrypto_suite.ts";
import { libcryptoSuite } from "../crypto/suites.ts";

const ignore = libcryptoSuite === undefined;
const KEY = new Uint8Array(32).fill(1);

function open(): LibcryptoSuite {
  const suite = LibcryptoSuite.open();
  assert(suite);
  return suite;
}

Deno.test("LibcryptoSuite.open: undefined without a library that fits", () => {
  assert.equal(LibcryptoSuite.open([]), undefined);
  assert.equal(LibcryptoSuite.open(["libnothing.so.0", "libc.so.6"]), undefined);
});

Deno.test({
  name: "LibcryptoSuite.open: says which file it found",
  ignore,
  fn() {
    using suite = open();
    assert(LIBCRYPTO_NAMES.includes(suite.fileName));
  },
});

Deno.test({
  name: "LibcryptoSuite: two of them live side by side",
  ignore,
  fn() {
    const one = open();
    using other = open();
    const expected = other.x25519.publicKey(KEY);
    assert.deepEqual(one.x25519.publicKey(KEY), expected);
    one[Symbol.dispose]();
    assert.deepEqual(other.x25519.publicKey(KEY), expected);
  },
});

Deno.test({
  name: "LibcryptoSuite: a disposed one is not used again, disposing twice is harmless",
  ignore,
  fn() {
    const suite = open();
    suite[Symbol.dispose]();
    suite[Symbol.dispose]();
    const nonce = new Uint8Array(12);
    assert.throws(() => suite.aeadKey(KEY), /disposed/);
    assert.throws(() => suite.x25519.publicKey(KEY), /disposed/);
    assert.throws(() => suite.x25519.sharedSecret(KEY, KEY), /disposed/);
    assert.throws(() => suite.blake2s.hash(KEY), /disposed/);
    assert.throws(() => suite.blake2s.mac(KEY, KEY, 32), /disposed/);
    assert.throws(() => suite.blake2s.hmac(KEY, KEY), /disposed/);
    assert.throws(() => suite.chacha20Poly1305.seal(KEY, nonce, KEY, KEY), /disposed/);
    assert.throws(() => suite.chacha20Poly1305.open(KEY, nonce, KEY, KEY), /disposed/);
    assert.throws(() => suite.xchacha20Poly1305.seal(KEY, new Uint8Array(24), KEY, KEY), /disposed/);
  },
});

Deno.test({
  name: "LibcryptoSuite: keys are disposed before it",
  ignore,
  fn() {
    using suite = open();
    using stack = new DisposableStack();
    const key = stack.use(suite.aeadKey(KEY));
    assert.throws(() => suite[Symbol.dispose](), InvariantError);
    key.seal(0, new Uint8Array(16), 0, 0);
  },
});
