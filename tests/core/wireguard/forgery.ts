/**
 * What an attacker who knows a public key can send.
 *
 * @module
 */
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { PublicKey } from "../../../core/keys/public_key.ts";
import type { Random } from "../../../core/seams/random.ts";
import { MacWriter } from "../../../core/wireguard/cookie.ts";
import { INITIATION, INITIATION_TYPE, RESPONSE, RESPONSE_TYPE, writeType } from "../../../core/wireguard/messages.ts";

/** An initiation with a right mac1 and random bytes everywhere else. */
export function forgedInitiation(random: Random, to: PublicKey): Uint8Array {
  return forged(random, to, INITIATION_TYPE, INITIATION.bytes);
}

/** A response with a right mac1 and random bytes everywhere else. */
export function forgedResponse(random: Random, to: PublicKey): Uint8Array {
  return forged(random, to, RESPONSE_TYPE, RESPONSE.bytes);
}

/** Writes the mac1 that belongs to a changed handshake message. */
export function withRightMac1(message: Uint8Array, to: PublicKey): Uint8Array {
  const copy = message.slice();
  new MacWriter(nobleSuite, to.bytes).write(copy, 0);
  return copy;
}

function forged(random: Random, to: PublicKey, type: number, bytes: number): Uint8Array {
  const message = new Uint8Array(bytes);
  random.fill(message);
  writeType(message, 0, type);
  return withRightMac1(message, to);
}
