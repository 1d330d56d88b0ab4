import assert from "node:assert/strict";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import { type Aead, type CryptoSuite, TAG_BYTES } from "../../../core/crypto/suite.ts";
import rfc8439 from "../../vectors/rfc8439.json" with { type: "json" };
import { bytesOf, wycheproof } from "../../vectors/wycheproof.ts";
import xchacha from "../../vectors/xchacha20_poly1305.json" with { type: "json" };
import { testOnEachSuite } from "./suites.ts";

const fromHex = Uint8Array.fromHex;
const KEY = new Uint8Array(32).fill(0x42);
const NO_DATA = new Uint8Array();

type AeadName = "chacha20Poly1305" | "xchacha20Poly1305";
const AEADS: { name: AeadName; source: string; vectors: typeof rfc8439.aead; nonceBytes: number; file: string }[] = [
  {
    name: "chacha20Poly1305",
    source: "RFC 8439",
    vectors: rfc8439.aead,
    nonceBytes: 12,
    file: "chacha20_poly1305",
  },
  {
    name: "xchacha20Poly1305",
    source: "draft-irtf-cfrg-xchacha-03",
    vectors: xchacha.aead,
    nonceBytes: 24,
    file: "xchacha20_poly1305",
  },
];

/** Cases per file: valid, invalid for their tag, invalid for the length of their nonce. */
const WYCHEPROOF_COUNTS: Record<AeadName, { valid: number; wrongTag: number; wrongNonce: number }> = {
  chacha20Poly1305: { valid: 256, wrongTag: 60, wrongNonce: 9 },
  xchacha20Poly1305: { valid: 246, wrongTag: 60, wrongNonce: 9 },
};

function tamperings(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte, index) => bytes.with(index, byte ^ (1 << index % 8)));
}

for (const { name, source, vectors, nonceBytes, file } of AEADS) {
  testOnEachSuite(`${name}: ${source}`, ({ [name]: aead }) => {
    assert(vectors.length > 0);
    for (const vector of vectors) {
      const key = fromHex(vector.key);
      const nonce = fromHex(vector.nonce);
      const data = fromHex(vector.associatedData);
      const sealed = aead.seal(key, nonce, data, fromHex(vector.plaintext));
      assert.equal(sealed.toHex(), vector.ciphertext + vector.tag);
      assert.equal(aead.open(key, nonce, data, sealed)?.toHex(), vector.plaintext);
    }
  });

  const cases = wycheproof(file);

  testOnEachSuite(`${name}: Wycheproof`, ({ [name]: aead }) => {
    assert(cases);
    const counts = { valid: 0, wrongTag: 0, wrongNonce: 0 };
    for (const testCase of cases) {
      const [key, nonce, data, plaintext] = ["key", "iv", "aad", "msg"].map((field) => bytesOf(testCase, field));
      assert(key && nonce && data && plaintext);
      const sealed = fromHex(`${testCase["ct"]}${testCase["tag"]}`);
      const where = `case ${testCase.tcId}`;
      if (testCase.flags.includes("InvalidNonceSize")) {
        assert.throws(() => aead.open(key, nonce, data, sealed), InvariantError, where);
        assert.throws(() => aead.seal(key, nonce, data, plaintext), InvariantError, where);
        counts.wrongNonce++;
      } else if (testCase.result === "invalid") {
        assert.equal(aead.open(key, nonce, data, sealed), undefined, where);
        counts.wrongTag++;
      } else {
        assert.equal(aead.seal(key, nonce, data, plaintext).toHex(), sealed.toHex(), where);
        assert.equal(aead.open(key, nonce, data, sealed)?.toHex(), plaintext.toHex(), where);
        counts.valid++;
      }
    }
    assert.deepEqual(counts, WYCHEPROOF_COUNTS[name]);
  }, cases === undefined);

  testOnEachSuite(`${name}.open: any byte changed anywhere is refused`, ({ [name]: aead }) => {
    const nonce = new Uint8Array(nonceBytes).fill(1);
    const data = new Uint8Array(20).fill(2);
    const sealed = aead.seal(KEY, nonce, data, new Uint8Array(70).fill(3));
    for (const bad of tamperings(sealed)) assert.equal(aead.open(KEY, nonce, data, bad), undefined);
    for (const bad of tamperings(data)) assert.equal(aead.open(KEY, nonce, bad, sealed), undefined);
    for (const bad of tamperings(nonce)) assert.equal(aead.open(KEY, bad, data, sealed), undefined);
    for (const bad of tamperings(KEY)) assert.equal(aead.open(bad, nonce, data, sealed), undefined);
    assert.equal(aead.open(KEY, nonce, NO_DATA, sealed), undefined);
    assert(aead.open(KEY, nonce, data, sealed), "the untouched one still opens");
  });

  testOnEachSuite(`${name}.open: shorter than a tag is refused, a tag alone is an empty text`, ({ [name]: aead }) => {
    const nonce = new Uint8Array(nonceBytes);
    for (const length of [0, 1, TAG_BYTES - 1]) {
      assert.equal(aead.open(KEY, nonce, NO_DATA, new Uint8Array(length)), undefined);
    }
    const sealed = aead.seal(KEY, nonce, KEY, NO_DATA);
    assert.equal(sealed.length, TAG_BYTES);
    assert.equal(aead.open(KEY, nonce, KEY, sealed)?.length, 0);
  });

  testOnEachSuite(`${name}: any text and associated data come back`, ({ [name]: aead }) => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const nonce = fc.uint8Array({ minLength: nonceBytes, maxLength: nonceBytes });
    fc.assert(
      fc.property(nonce, bytes, bytes, (iv, data, text) => {
        const opened = aead.open(KEY, iv, data, aead.seal(KEY, iv, data, text));
        assert(opened);
        assert.equal(opened.toHex(), text.toHex());
      }),
      { numRuns: 50 },
    );
  });

  testOnEachSuite(`${name}: borrows everything, also views into larger buffers`, ({ [name]: aead }) => {
    const memory = Uint8Array.from({ length: 200 }, (_, index) => index);
    const before = memory.slice();
    const at = (offset: number, length: number) => memory.subarray(offset, offset + length);
    const sealed = aead.seal(at(1, 32), at(40, nonceBytes), at(70, 9), at(90, 50));
    const copies = aead.seal(at(1, 32).slice(), at(40, nonceBytes).slice(), at(70, 9).slice(), at(90, 50).slice());
    assert.deepEqual(sealed, copies);
    assert.deepEqual(aead.open(at(1, 32), at(40, nonceBytes), at(70, 9), sealed), at(90, 50).slice());
    assert.deepEqual(memory, before);
  });

  testOnEachSuite(`${name}: a key that is not 32 bytes is a broken invariant`, ({ [name]: aead }: CryptoSuite) => {
    const refuses = (cipher: Aead, key: Uint8Array) => {
      assert.throws(() => cipher.seal(key, new Uint8Array(nonceBytes), NO_DATA, NO_DATA), InvariantError);
      assert.throws(() => cipher.open(key, new Uint8Array(nonceBytes), NO_DATA, new Uint8Array(16)), InvariantError);
    };
    for (const length of [0, 31, 33]) refuses(aead, new Uint8Array(length));
  });
}

function counterNonce(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(counter), true);
  return nonce;
}

const counters = fc.oneof(fc.nat(10), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));

testOnEachSuite("AeadKey: in place equals one-shot, and touches nothing beside", (suite) => {
  using key = suite.aeadKey(KEY);
  const text = fc.uint8Array({ maxLength: 200 });
  fc.assert(fc.property(counters, fc.nat(40), text, fc.nat(20), (counter, offset, plaintext, behind) => {
    const buffer = new Uint8Array(offset + plaintext.length + TAG_BYTES + behind).fill(0xee);
    buffer.set(plaintext, offset);
    key.seal(counter, buffer, offset, plaintext.length);
    const end = offset + plaintext.length + TAG_BYTES;
    const expected = suite.chacha20Poly1305.seal(KEY, counterNonce(counter), NO_DATA, plaintext);
    assert.equal(buffer.subarray(offset, end).toHex(), expected.toHex());
    assert(key.open(counter, buffer, offset, end - offset));
    assert.equal(buffer.subarray(offset, end - TAG_BYTES).toHex(), plaintext.toHex());
    assert(buffer.subarray(0, offset).every((byte) => byte === 0xee));
    assert(buffer.subarray(end).every((byte) => byte === 0xee));
  }));
});

testOnEachSuite("AeadKey.open: any byte of text or tag changed is refused", (suite) => {
  using key = suite.aeadKey(KEY);
  const buffer = new Uint8Array(16 + 64 + TAG_BYTES).fill(7);
  key.seal(5, buffer, 16, 64);
  for (let i = 16; i < buffer.length; i++) {
    const bad = buffer.with(i, buffer[i]! ^ 0x80);
    assert(!key.open(5, bad, 16, 64 + TAG_BYTES), `byte ${i}`);
  }
  assert(key.open(5, buffer.with(3, 0), 16, 64 + TAG_BYTES), "bytes in front do not count");
});

testOnEachSuite("AeadKey.open: another counter, key or length is refused", (suite) => {
  using key = suite.aeadKey(KEY);
  using other = suite.aeadKey(KEY.with(31, 0));
  const buffer = new Uint8Array(64 + TAG_BYTES);
  key.seal(2 ** 32, buffer, 0, 64);
  for (const counter of [0, 1, 2 ** 32 - 1, 2 ** 32 + 1]) assert(!key.open(counter, buffer.slice(), 0, 80));
  assert(!other.open(2 ** 32, buffer.slice(), 0, 80));
  for (let length = 0; length < 80; length++) assert(!key.open(2 ** 32, buffer.slice(), 0, length));
  assert(key.open(2 ** 32, buffer, 0, 80));
});

testOnEachSuite("AeadKey: sealing and opening with one key take turns", (suite) => {
  using key = suite.aeadKey(KEY);
  const a = new Uint8Array(50 + TAG_BYTES).fill(1);
  const b = new Uint8Array(90 + TAG_BYTES).fill(2);
  key.seal(1, a, 0, 50);
  key.seal(2, b, 0, 90);
  assert(!key.open(1, b.slice(), 0, b.length));
  assert(key.open(2, b, 0, b.length));
  key.seal(3, b, 0, 90);
  assert(key.open(1, a, 0, a.length));
  assert(key.open(3, b, 0, b.length));
  assert.deepEqual([...a.subarray(0, 50), ...b.subarray(0, 90)], [...new Array(50).fill(1), ...new Array(90).fill(2)]);
});

testOnEachSuite("AeadKey: copies its key", (suite) => {
  const bytes = KEY.slice();
  using key = suite.aeadKey(bytes);
  bytes.fill(0);
  const buffer = new Uint8Array(TAG_BYTES);
  key.seal(0, buffer, 0, 0);
  assert.deepEqual(buffer, suite.chacha20Poly1305.seal(KEY, new Uint8Array(12), NO_DATA, NO_DATA));
});

testOnEachSuite("AeadKey: a range outside the buffer or no counter is a broken invariant", (suite) => {
  using key = suite.aeadKey(KEY);
  const buffer = new Uint8Array(100);
  for (const [offset, length] of [[0, 85], [85, 0], [-1, 10], [0, -1], [101, 0], [NaN, 0], [0, NaN]] as const) {
    assert.throws(() => key.seal(0, buffer, offset, length), InvariantError, `${offset} ${length}`);
  }
  for (const [offset, length] of [[0, 101], [85, 16], [-1, 20], [101, 16], [NaN, 16], [0, NaN]] as const) {
    assert.throws(() => key.open(0, buffer, offset, length), InvariantError, `${offset} ${length}`);
  }
  for (const counter of [-1, 0.5, NaN, 2 ** 53]) {
    assert.throws(() => key.seal(counter, buffer, 0, 10), InvariantError, `${counter}`);
    assert.throws(() => key.open(counter, buffer, 0, 16), InvariantError, `${counter}`);
  }
  assert.deepEqual(buffer, new Uint8Array(100));
});

testOnEachSuite("AeadKey: a disposed key is not used again, disposing twice is harmless", (suite) => {
  const key = suite.aeadKey(KEY);
  key[Symbol.dispose]();
  key[Symbol.dispose]();
  assert.throws(() => key.seal(0, new Uint8Array(16), 0, 0), /disposed/);
  assert.throws(() => key.open(0, new Uint8Array(16), 0, 16), /disposed/);
});

testOnEachSuite("AeadKey: a key that is not 32 bytes is a broken invariant", (suite) => {
  for (const length of [0, 31, 33]) assert.throws(() => suite.aeadKey(new Uint8Array(length)), InvariantError);
});
