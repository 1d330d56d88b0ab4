/**
 * `weft keys generate | public`: WireGuard keys, as `wg genkey` and `wg pubkey`.
 *
 * @module
 */
import type { X25519 } from "../crypto/suite.ts";
import { PrivateKey } from "../keys/private_key.ts";
import type { Random } from "../seams/random.ts";
import { UsageError } from "./exit.ts";

/** A key is 44 characters and a newline; more than this is not a key. */
export const KEY_INPUT_BYTES_MAX = 128;

/** A new private key as base64. */
export function generateKey(random: Random): string {
  return PrivateKey.generate(random).reveal().toBase64();
}

/**
 * The public key of the private key in `input`, base64.
 *
 * @throws {UsageError} If `input` is not one base64 key.
 */
export function publicKeyOf(input: string, x25519: X25519): string {
  const key = PrivateKey.fromBase64(input.trim());
  if (!key) throw new UsageError("Cannot read the private key: standard input is not 44 characters of base64");
  return key.publicKey(x25519).toString();
}
