import { strict as assert } from "node:assert";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import { equalBytes } from "../../../core/bytes/constant_time.ts";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { TAG_BYTES } from "../../../core/crypto/suite.ts";
import { LibcryptoAeadKey, LibcryptoCipher } from "../../../core/io/libcrypto_aead.ts";
import { openLibcrypto } from "../../../core/io/libcrypto_ffi.ts";
import { LibcryptoPacketKey, PACKET_TEXT_BYTES_MAX, PacketCipher } from "../../../core/io/libcrypto_packet_key.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, index) => index * 7);
const library = openLibcrypto();
const ignore = library?.version3 === undefined;
if (ignore) console.log("Tests of libcrypto's packet keys are skipped: OpenSSL 3 does not load");

function test(name: string, body: (key: LibcryptoPacketKey, cipher: PacketCipher) => void): void {
  Deno.test({
    name: `LibcryptoPacketKey: ${name}`,
    ignore,
    fn() {
      const opened = library && PacketCipher.open(library);
      assert.ok(opened);
      using cipher = opened;
      using key = new LibcryptoPacketKey(cipher, KEY);
      body(key, cipher);
    },
  });
}

/** The place of a text in a buffer, from no room around it to more than a block. */
const places = fc.record({
  counter: fc.oneof(fc.nat(3), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER)),
  before: fc.oneof(fc.nat(130), fc.integer({ min: 62, max: 66 })),
  text: fc.uint8Array({ maxLength: 300 }),
  behind: fc.nat(130),
});

test("the same bytes as another implementation, wherever the text is, and nothing beside changes", (key) => {
  using oracle = nobleSuite.aeadKey(KEY);
  fc.assert(
    fc.property(places, ({ counter, before, text, behind }) => {
      const buffer = Uint8Array.from({ length: before + text.length + TAG_BYTES + behind }, (_, index) => index * 37);
      buffer.set(text, before);
      const [ours, theirs, plain] = [buffer.slice(), buffer.slice(), buffer.slice()];
      key.seal(counter, ours, before, text.length);
      oracle.seal(counter, theirs, before, text.length);
      assert.deepEqual(ours, theirs);
      assert.equal(key.open(counter, ours, before, text.length + TAG_BYTES), true);
      const tagAt = before + text.length;
      plain.set(theirs.subarray(tagAt, tagAt + TAG_BYTES), tagAt);
      assert.deepEqual(ours, plain);
    }),
    { numRuns: 500 },
  );
});

test("one changed bit of text, tag, key or counter is refused, and nothing is written", (key, cipher) => {
  using other = new LibcryptoPacketKey(cipher, KEY.with(31, 1));
  for (const before of [0, 80]) {
    const sealed = new Uint8Array(before + 100 + TAG_BYTES + 80);
    key.seal(5, sealed, before, 100);
    for (let at = before; at < before + 100 + TAG_BYTES; at++) {
      const spoiled = sealed.slice();
      spoiled[at]! ^= 1 << at % 8;
      const expected = spoiled.slice();
      assert.equal(key.open(5, spoiled, before, 100 + TAG_BYTES), false);
      assert.deepEqual(spoiled, expected);
    }
    assert.equal(key.open(6, sealed, before, 100 + TAG_BYTES), false);
    assert.equal(other.open(5, sealed, before, 100 + TAG_BYTES), false);
    assert.equal(key.open(5, sealed, before, 100 + TAG_BYTES), true);
  }
});

test("texts of every length around a block, and the longest", (key) => {
  using oracle = nobleSuite.aeadKey(KEY);
  const lengths = [...Array.from({ length: 200 }, (_, length) => length), 1420, 65_535, PACKET_TEXT_BYTES_MAX];
  for (const length of lengths) {
    const buffer = Uint8Array.from({ length: 100 + length + TAG_BYTES + 100 }, (_, index) => index * 91);
    const expected = buffer.slice();
    key.seal(length, buffer, 100, length);
    oracle.seal(length, expected, 100, length);
    assert.ok(equalBytes(buffer, expected), `${length} bytes`);
  }
});

test("a text one byte longer than the longest is a broken invariant, and so is one outside the buffer", (key) => {
  const buffer = new Uint8Array(PACKET_TEXT_BYTES_MAX + TAG_BYTES + 1);
  assert.throws(() => key.seal(0, buffer, 0, PACKET_TEXT_BYTES_MAX + 1), InvariantError);
  assert.throws(() => key.open(0, buffer, 0, buffer.length), InvariantError);
  assert.throws(() => key.seal(0, buffer, 100, buffer.length - 100 - TAG_BYTES + 1), InvariantError);
  assert.throws(() => key.seal(0, buffer, -1, 10), InvariantError);
  assert.throws(() => key.seal(2 ** 53, buffer, 0, 10), InvariantError);
  for (let length = 0; length < TAG_BYTES; length++) assert.equal(key.open(0, buffer, 0, length), false);
});

test("keys take turns without noticing each other", (key, cipher) => {
  using other = new LibcryptoPacketKey(cipher, KEY.with(0, 99));
  const [a, b] = [new Uint8Array(300), new Uint8Array(300)];
  key.seal(1, a, 100, 50);
  other.seal(1, b, 100, 50);
  assert.notDeepEqual(a, b);
  assert.equal(key.open(1, a, 100, 66), true);
  assert.equal(other.open(1, b, 100, 66), true);
});

test("is not used again once it was disposed, and its context is freed once", (_, cipher) => {
  assert.equal(cipher.contextCount, 1);
  const key = new LibcryptoPacketKey(cipher, KEY);
  assert.equal(cipher.contextCount, 2);
  key[Symbol.dispose]();
  key[Symbol.dispose]();
  assert.equal(cipher.contextCount, 1);
  assert.throws(() => key.seal(0, new Uint8Array(200), 0, 0), InvariantError);
  assert.throws(() => key.open(0, new Uint8Array(200), 0, 16), InvariantError);
  assert.throws(() => new LibcryptoPacketKey(cipher, KEY.subarray(1)), InvariantError);
});

test("speaks with the keys of OpenSSL 1.1", (key) => {
  assert.ok(library);
  using cipher = new LibcryptoCipher(library);
  using older = new LibcryptoAeadKey(cipher, KEY);
  const buffer = new Uint8Array(400).fill(9);
  key.seal(77, buffer, 100, 200);
  assert.equal(older.open(77, buffer, 100, 216), true);
  older.seal(78, buffer, 100, 200);
  assert.equal(key.open(78, buffer, 100, 216), true);
});

Deno.test({
  name: "PacketCipher.open: undefined with OpenSSL 1.1, and when an algorithm is missing, of which nothing stays",
  ignore,
  fn() {
    assert.ok(library?.version3);
    const { version3 } = library;
    assert.equal(PacketCipher.open({ ...library, version3: undefined }), undefined);
    const freed: string[] = [];
    const without = (part: Partial<typeof version3>) => ({
      ...library,
      version3: {
        ...version3,
        EVP_CIPHER_free: (cipher: Deno.PointerValue) => {
          if (cipher) freed.push("cipher");
          version3.EVP_CIPHER_free(cipher);
        },
        EVP_MAC_free: (mac: Deno.PointerValue) => {
          if (mac) freed.push("mac");
          version3.EVP_MAC_free(mac);
        },
        ...part,
      },
    });
    assert.equal(PacketCipher.open(without({ EVP_CIPHER_fetch: () => null })), undefined);
    assert.equal(PacketCipher.open(without({ EVP_MAC_fetch: () => null })), undefined);
    assert.deepEqual(freed, ["mac", "cipher"]);
  },
});
