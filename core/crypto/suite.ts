/**
 * The primitives WireGuard is made of, as seams with two implementations: libcrypto through FFI (`core/io/`) and noble
 * (`core/crypto/noble_suite.ts`), which is also the oracle in tests.
 *
 * @module
 */

/** Bytes of a Poly1305 tag. */
export const TAG_BYTES = 16;

/** Bytes of an X25519 scalar, u coordinate and shared secret. */
export const X25519_BYTES = 32;

/** Bytes of a ChaCha20-Poly1305 or XChaCha20-Poly1305 key. */
export const AEAD_KEY_BYTES = 32;

/** Bytes of a ChaCha20-Poly1305 nonce. */
export const NONCE_BYTES = 12;

/** Bytes of an XChaCha20-Poly1305 nonce. */
export const XNONCE_BYTES = 24;

/** Bytes of a BLAKE2s digest. */
export const BLAKE2S_BYTES = 32;

/** X25519, RFC 7748 §5. Keys are 32 bytes; scalars are clamped inside. */
export interface X25519 {
  /** Borrows `privateKey`. Returns 32 fresh bytes. */
  publicKey(privateKey: Uint8Array): Uint8Array;
  /** Borrows both. `undefined` when the result is all zero (RFC 7748 §6.1): a low-order peer key. */
  sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
}

/** BLAKE2s, RFC 7693, digest 32 bytes; and HMAC over it (RFC 2104), which WireGuard's KDF uses. */
export interface Blake2s {
  /** Hash of the concatenation of `parts`. Borrows. */
  hash(...parts: Uint8Array[]): Uint8Array;
  /** Keyed BLAKE2s (not HMAC) with a key of 1 to 32 bytes and `outputBytes` of 16 or 32. Borrows. */
  mac(key: Uint8Array, data: Uint8Array, outputBytes: 16 | 32): Uint8Array;
  /** HMAC-BLAKE2s, 32 bytes. Borrows. */
  hmac(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array;
}

/** One ChaCha20-Poly1305 key (RFC 8439) for the packet path: in place, no allocation per call, no associated data. */
export interface AeadKey extends Disposable {
  /**
   * Fills `buffer[offset .. offset + length + TAG_BYTES)`: encrypts `length` plaintext bytes in place and writes the
   * tag behind them. The nonce is four zero bytes and `counter` as 64-bit little-endian (WireGuard §5.4.6).
   *
   * @param counter An integer in 0 .. 2^53-1, never used twice with one key.
   */
  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void;
  /**
   * Verifies and decrypts in place. `length` includes the tag; the plaintext is the first `length - TAG_BYTES` bytes.
   *
   * @returns False if the tag is wrong; the bytes are then undefined and must be dropped.
   */
  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean;
}

/** An AEAD with explicit nonce and associated data, for handshakes and cookies: allocates its result. */
export interface Aead {
  /** Returns ciphertext followed by the tag. Borrows all. */
  seal(key: Uint8Array, nonce: Uint8Array, associatedData: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** Returns the plaintext, `undefined` if the tag is wrong or the input is shorter than a tag. Borrows all. */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    associatedData: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array | undefined;
}

/** Everything WireGuard needs, from one library. */
export interface CryptoSuite {
  readonly name: "libcrypto" | "noble";
  readonly x25519: X25519;
  readonly blake2s: Blake2s;
  /** ChaCha20-Poly1305, RFC 8439: 12-byte nonce. */
  readonly chacha20Poly1305: Aead;
  /** XChaCha20-Poly1305: 24-byte nonce. */
  readonly xchacha20Poly1305: Aead;
  /**
   * A key for what lies in place in a buffer. Copies `key` (32 bytes); disposing wipes what it can.
   *
   * @param textBytesMax Of the longest text that it will seal or open; without it, that of a packet, 65,552.
   */
  aeadKey(key: Uint8Array, textBytesMax?: number): AeadKey;
}
