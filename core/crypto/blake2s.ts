/**
 * BLAKE2s (RFC 7693) and HMAC over it (RFC 2104) with noble.
 *
 * Leaves out: salt, personalisation and tree hashing, which WireGuard does not use.
 *
 * @module
 */
import { blake2s } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { assert } from "../assert.ts";
import { type Blake2s, BLAKE2S_BYTES } from "./suite.ts";

/** BLAKE2s in TypeScript. */
export const nobleBlake2s: Blake2s = {
  hash(...parts) {
    const state = blake2s.create();
    for (const part of parts) state.update(part);
    return state.digest();
  },

  mac(key, data, outputBytes) {
    assert(key.length >= 1 && key.length <= BLAKE2S_BYTES, "A BLAKE2s key has 1 to 32 bytes");
    return blake2s(data, { key, dkLen: outputBytes });
  },

  hmac(key, ...parts) {
    const state = hmac.create(blake2s, key);
    for (const part of parts) state.update(part);
    return state.digest();
  },
};
