/**
 * Key pairs and parties for tests below the engine.
 *
 * @module
 */
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { Random } from "../../../core/seams/random.ts";
import type { RemoteParty } from "../../../core/wireguard/handshake.ts";
import type { KeyPair } from "../../../core/wireguard/noise.ts";

/** Public keys of order 1, 2, 4 and 8 on the curve and its twist: every secret shared with them is zero. */
export const LOW_ORDER_KEYS: readonly string[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/** A key pair from 32 random bytes. */
export function keyPair(random: Random): KeyPair {
  const privateKey = new Uint8Array(32);
  random.fill(privateKey);
  return { privateKey, publicKey: nobleSuite.x25519.publicKey(privateKey) };
}

/** `other` as `own` sees it in a handshake. */
export function partyOf(own: KeyPair, other: KeyPair, presharedKey = new Uint8Array(32)): RemoteParty {
  const staticSecret = nobleSuite.x25519.sharedSecret(own.privateKey, other.publicKey)!;
  return { publicKey: other.publicKey, staticSecret, presharedKey };
}

/** Gives out what a test has written down: the same index always, and 32-byte and 24-byte draws as named. */
export class ScriptedRandom implements Random {
  readonly #index: number;
  readonly #byLength: ReadonlyMap<number, Uint8Array>;

  constructor(index: number, ...draws: Uint8Array[]) {
    this.#index = index;
    this.#byLength = new Map(draws.map((draw) => [draw.length, draw]));
  }

  u32(): number {
    return this.#index;
  }

  fill(target: Uint8Array): void {
    target.set(this.#byLength.get(target.length)!);
  }
}
