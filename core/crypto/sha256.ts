/**
 * SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104), for digests that other programs check.
 *
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";

/** A running digest. */
export interface Sha256 {
  /** Borrows `bytes`. */
  update(bytes: Uint8Array): Sha256;
  /** 32 bytes; ends the digest. */
  digest(): Uint8Array;
}

/** Starts a digest. */
export function createSha256(): Sha256 {
  return nobleSha256.create();
}

/** The digest of `bytes`, 32 bytes. Borrows. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes);
}

/** The keyed digest of `bytes`, 32 bytes (RFC 2104). Borrows. */
export function hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return hmac(nobleSha256, key, bytes);
}
