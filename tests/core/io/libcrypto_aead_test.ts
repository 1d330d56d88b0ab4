import { strict as assert } from "node:assert";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { TAG_BYTES } from "../../../core/crypto/suite.ts";
import { ASIDE_BYTES_MAX, LibcryptoAeadKey, LibcryptoCipher } from "../../../core/io/libcrypto_aead.ts";
import { openLibcrypto } from "../../../core/io/libcrypto_ffi.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, index) => index * 7);
const library = openLibcrypto();
if (!library) console.log("Tests of libcrypto's AEAD keys are skipped: libcrypto does not load");

function test(name: string, body: (key: LibcryptoAeadKey, cipher: LibcryptoCipher) => void): void {
  Deno.test({
    name: `LibcryptoAeadKey: ${name}`,
    ignore: !library,
    fn() {
      assert.ok(library);
      using cipher = new LibcryptoCipher(library);
      using key = new LibcryptoAeadKey(cipher, KEY);
      body(key, cipher);
    },
  });
}

/** Buffers that are worked on aside, and where they lie; the largest of them, and one more. */
const BUFFER_SIZES = [TAG_BYTES, 100, 2000, ASIDE_BYTES_MAX - 1, ASIDE_BYTES_MAX, ASIDE_BYTES_MAX + 1, 20_000];

test("the same bytes as another implementation in small and large buffers, and nothing beside changes", (key) => {
  using oracle = nobleSuite.aeadKey(KEY);
  for (const [counter, size] of BUFFER_SIZES.entries()) {
    for (const offset of [0, 1, size - TAG_BYTES].filter((at) => at + TAG_BYTES <= size)) {
      for (const behind of [0, 3].filter((bytes) => offset + TAG_BYTES + bytes <= size)) {
        const text = Uint8Array.from({ length: size }, (_, index) => index * 37);
        const length = size - behind - TAG_BYTES - offset;
        const [ours, theirs] = [text.slice(), text.slice()];
        key.seal(counter, ours, offset, length);
        oracle.seal(counter, theirs, offset, length);
        assert.deepEqual(ours, theirs, `${size} ${offset}`);
        assert.ok(key.open(counter, ours, offset, length + TAG_BYTES));
        text.set(theirs.subarray(offset + length, offset + length + TAG_BYTES), offset + length);
        assert.deepEqual(ours, text, `${size} ${offset}`);
      }
    }
  }
});

test("what is refused in a small buffer stays as it is", (key) => {
  const sealed = new Uint8Array(100 + TAG_BYTES);
  key.seal(5, sealed, 0, 100);
  for (let at = 0; at < sealed.length; at++) {
    const spoiled = sealed.with(at, sealed[at]! ^ 4);
    const expected = spoiled.slice();
    assert.equal(key.open(5, spoiled, 0, spoiled.length), false);
    assert.deepEqual(spoiled, expected);
  }
});

test("a view that does not begin where its memory does", (key) => {
  const memory = new Uint8Array(300);
  const view = memory.subarray(100, 200);
  view.fill(7);
  key.seal(1, view, 2, 80);
  assert.ok(key.open(1, view, 2, 80 + TAG_BYTES));
  assert.ok(view.subarray(0, 82).every((byte) => byte === 7));
  assert.ok([...memory.subarray(0, 100), ...memory.subarray(200)].every((byte) => byte === 0));
});
