/**
 * X25519 (RFC 7748 §5) over noble: always there, and the oracle for libcrypto's.
 *
 * Leaves out: key generation, which is 32 random bytes and lives with the key types in `core/keys/`.
 *
 * @module
 */
import { x25519 } from "@noble/curves/ed25519.js";
import { assert } from "../assert.ts";
import { type X25519, X25519_BYTES } from "./suite.ts";

/** X25519 in TypeScript. */
export const nobleX25519: X25519 = {
  publicKey(privateKey) {
    assert(privateKey.length === X25519_BYTES, "An X25519 private key is 32 bytes");
    return x25519.getPublicKey(privateKey);
  },

  sharedSecret(privateKey, publicKey) {
    assert(privateKey.length === X25519_BYTES, "An X25519 private key is 32 bytes");
    assert(publicKey.length === X25519_BYTES, "An X25519 public key is 32 bytes");
    try {
      return x25519.getSharedSecret(privateKey, publicKey);
    } catch {
      // Lengths hold, so the one refusal left is RFC 7748 §6.1: the peer sent a point of low order.
      return undefined;
    }
  },
};
