/**
 * The suite in pure TypeScript: runs wherever Deno runs, and is the oracle that libcrypto is compared with.
 *
 * @module
 */
import { nobleBlake2s } from "./blake2s.ts";
import { NobleAeadKey, nobleChacha20Poly1305, nobleXchacha20Poly1305 } from "./chacha20_poly1305.ts";
import type { CryptoSuite } from "./suite.ts";
import { nobleX25519 } from "./x25519.ts";

/** All primitives over noble. */
export const nobleSuite: CryptoSuite = {
  name: "noble",
  x25519: nobleX25519,
  blake2s: nobleBlake2s,
  chacha20Poly1305: nobleChacha20Poly1305,
  xchacha20Poly1305: nobleXchacha20Poly1305,
  aeadKey: (key) => new NobleAeadKey(key),
};
