/**
 * The text form of all WireGuard keys: 32 bytes as 44 characters of base64 (RFC 4648 §4) with padding, and only the
 * canonical one, so that equal keys have equal texts.
 *
 * @module
 */

/** Bytes of every key: X25519 scalar, X25519 u coordinate, preshared key. */
export const KEY_BYTES = 32;

/** 256 bits are 42 whole characters and one whose two low bits are zero. */
const KEY_TEXT_REGEXP = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** Decodes a key; `undefined` for anything but the canonical text of 32 bytes. Never throws. */
export function decodeKey(text: string): Uint8Array | undefined {
  return KEY_TEXT_REGEXP.test(text) ? Uint8Array.fromBase64(text) : undefined;
}
