/**
 * Chance in production: the operating system's generator, through WebCrypto.
 *
 * @module
 */
import type { Random } from "../seams/random.ts";

/** The most that `crypto.getRandomValues` fills at once (W3C Web Cryptography §10.1.1). */
const FILL_BYTES_MAX = 65_536;

/** Cryptographic randomness; needs nothing and never blocks. */
export const systemRandom: Random = {
  fill(target) {
    for (let offset = 0; offset < target.length; offset += FILL_BYTES_MAX) {
      // WebCrypto takes views of ArrayBuffers only; nothing here shares memory.
      crypto.getRandomValues((target as Uint8Array<ArrayBuffer>).subarray(offset, offset + FILL_BYTES_MAX));
    }
  },

  u32() {
    return crypto.getRandomValues(new Uint32Array(1))[0]!;
  },
};
