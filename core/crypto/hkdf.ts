/**
 * HKDF over HMAC-BLAKE2s with one to three outputs, as Noise and WireGuard use it (RFC 5869 with empty info; WireGuard
 * whitepaper §5.4, Kdf_n).
 *
 * @module
 */
import { wipe } from "../bytes/constant_time.ts";
import type { Blake2s } from "./suite.ts";

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const THREE = Uint8Array.of(3);

/** Kdf1: 32 bytes. Borrows `key` and `input`. */
export function kdf1(blake2s: Blake2s, key: Uint8Array, input: Uint8Array): Uint8Array {
  const t0 = blake2s.hmac(key, input);
  const t1 = blake2s.hmac(t0, ONE);
  wipe(t0);
  return t1;
}

/** Kdf2: twice 32 bytes. Borrows `key` and `input`. */
export function kdf2(blake2s: Blake2s, key: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array] {
  const t0 = blake2s.hmac(key, input);
  const t1 = blake2s.hmac(t0, ONE);
  const t2 = blake2s.hmac(t0, t1, TWO);
  wipe(t0);
  return [t1, t2];
}

/** Kdf3: three times 32 bytes. Borrows `key` and `input`. */
export function kdf3(blake2s: Blake2s, key: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const t0 = blake2s.hmac(key, input);
  const t1 = blake2s.hmac(t0, ONE);
  const t2 = blake2s.hmac(t0, t1, TWO);
  const t3 = blake2s.hmac(t0, t2, THREE);
  wipe(t0);
  return [t1, t2, t3];
}
