import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { CryptoSuite } from "../../../core/crypto/suite.ts";
import { passesCryptoSelfCheck } from "../../../core/io/crypto_self_check.ts";

const { x25519, blake2s, chacha20Poly1305, xchacha20Poly1305 } = nobleSuite;

/** Ways in which a library can be wrong, one primitive at a time. */
const faults: Record<string, Partial<CryptoSuite>> = {
  "public key": { x25519: { ...x25519, publicKey: () => new Uint8Array(32) } },
  "shared secret": { x25519: { ...x25519, sharedSecret: () => new Uint8Array(32) } },
  "low order": { x25519: { ...x25519, sharedSecret: (a, b) => x25519.sharedSecret(a, b) ?? new Uint8Array(32) } },
  "hash": { blake2s: { ...blake2s, hash: () => new Uint8Array(32) } },
  "mac": { blake2s: { ...blake2s, mac: (key, data) => blake2s.mac(key, data, 32).fill(0, 31) } },
  "mac size": { blake2s: { ...blake2s, mac: (key, data) => blake2s.mac(key, data, 32) } },
  "hmac": { blake2s: { ...blake2s, hmac: (key, ...parts) => blake2s.mac(key, parts[0] ?? key, 32) } },
  "chacha seal": { chacha20Poly1305: xchacha20Poly1305 },
  "chacha open": { chacha20Poly1305: { ...chacha20Poly1305, open: (_key, _nonce, _data, text) => text.slice(0, -16) } },
  "xchacha seal": { xchacha20Poly1305: { ...xchacha20Poly1305, seal: () => new Uint8Array(130) } },
  "xchacha open": { xchacha20Poly1305: { ...xchacha20Poly1305, open: () => undefined } },
  "packet seal": { aeadKey: () => ({ seal() {}, open: () => true, [Symbol.dispose]() {} }) },
  "packet open": {
    aeadKey: (bytes) => {
      const key = nobleSuite.aeadKey(bytes);
      return {
        seal: key.seal.bind(key),
        open: (...packet) => key.open(...packet) || true,
        [Symbol.dispose]: () => key[Symbol.dispose](),
      };
    },
  },
};

Deno.test("passesCryptoSelfCheck: noble passes", () => {
  assert(passesCryptoSelfCheck(nobleSuite));
});

for (const [name, fault] of Object.entries(faults)) {
  Deno.test(`passesCryptoSelfCheck: fails a suite with a wrong ${name}`, () => {
    assert(!passesCryptoSelfCheck({ ...nobleSuite, ...fault }));
  });
}
