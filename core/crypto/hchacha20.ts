/**
 * HChaCha20 (draft-irtf-cfrg-xchacha-03 §2.2) with noble: turns ChaCha20-Poly1305 of any library into the extended-nonce
 * form by deriving a key from the first 16 bytes of the nonce.
 *
 * @module
 */
import { hchacha } from "@noble/ciphers/chacha.js";
import { assert } from "../assert.ts";
import { wipe } from "../bytes/constant_time.ts";
import { AEAD_KEY_BYTES } from "./suite.ts";

/** Bytes of HChaCha20's input besides the key. */
export const HCHACHA20_INPUT_BYTES = 16;

/** ChaCha20's constant, "expand 32-byte k" (RFC 8439 §2.3). */
const SIGMA = "expand 32-byte k";

/** Derives a 32-byte key. Borrows `key`, 32 bytes, and `input`, 16 bytes. */
export function hchacha20(key: Uint8Array, input: Uint8Array): Uint8Array {
  assert(key.length === AEAD_KEY_BYTES, "An HChaCha20 key is 32 bytes");
  assert(input.length === HCHACHA20_INPUT_BYTES, "An HChaCha20 input is 16 bytes");
  const keyCopy = key.slice();
  const output = new Uint8Array(AEAD_KEY_BYTES);
  hchacha(words(new TextEncoder().encode(SIGMA)), words(keyCopy), words(input.slice()), words(output));
  wipe(keyCopy);
  return output;
}

/** Freshly made bytes as 32-bit words of the same memory: a slice starts aligned. */
function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
