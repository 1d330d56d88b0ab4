import assert from "node:assert/strict";
import { kdf1, kdf2, kdf3 } from "../../../core/crypto/hkdf.ts";
import vectors from "../../vectors/wireguard_kdf.json" with { type: "json" };
import { testOnEachSuite } from "./suites.ts";

testOnEachSuite("kdf1, kdf2, kdf3: WireGuard's vectors, each a prefix of the next", ({ blake2s }) => {
  assert.equal(vectors.kdf3.length, 3);
  for (const { key: keyHex, input: inputHex, t1, t2, t3 } of vectors.kdf3) {
    const key = Uint8Array.fromHex(keyHex);
    const input = Uint8Array.fromHex(inputHex);
    assert.equal(kdf1(blake2s, key, input).toHex(), t1);
    assert.deepEqual(kdf2(blake2s, key, input).map((t) => t.toHex()), [t1, t2]);
    assert.deepEqual(kdf3(blake2s, key, input).map((t) => t.toHex()), [t1, t2, t3]);
    assert.equal(key.toHex() + input.toHex(), keyHex + inputHex);
  }
});
