import assert from "node:assert/strict";
import { createSha256, hmacSha256, sha256 } from "../../../core/crypto/sha256.ts";

// FIPS 180-4 examples, as published with the standard.
const VECTORS: readonly (readonly [string, string])[] = [
  ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
];

Deno.test("sha256: the standard's examples, whole and in parts", () => {
  for (const [text, hex] of VECTORS) {
    const bytes = new TextEncoder().encode(text);
    assert.equal(sha256(bytes).toHex(), hex);
    const half = bytes.length >> 1;
    assert.equal(createSha256().update(bytes.subarray(0, half)).update(bytes.subarray(half)).digest().toHex(), hex);
  }
});

Deno.test("hmacSha256: RFC 4231, test cases 2 and 6", () => {
  const text = (words: string) => new TextEncoder().encode(words);
  assert.equal(
    hmacSha256(text("Jefe"), text("what do ya want for nothing?")).toHex(),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
  const longKey = new Uint8Array(131).fill(0xaa);
  assert.equal(
    hmacSha256(longKey, text("Test Using Larger Than Block-Size Key - Hash Key First")).toHex(),
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  );
});
