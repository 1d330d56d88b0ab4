/**
 * `weft keys generate | public`: WireGuard keys, as `wg genkey` and `wg pubkey`.
 *
 * The private key goes to standard output because it was asked for there, and nowhere else: no message repeats any of it.
 *
 * @module
 */
import { wipe } from "../bytes/constant_time.ts";
import type { X25519 } from "../crypto/suite.ts";
import { PrivateKey } from "../keys/private_key.ts";
import { MeshError } from "../plugin/errors.ts";
import type { Random } from "../seams/random.ts";

/** A key is 44 characters and a newline; more than this is not a key. */
export const KEY_INPUT_BYTES_MAX = 128;

/** What group and others may do. */
const FOREIGN_MODE_MASK = 0o077;

/** A new private key as base64. */
export function generateKey(random: Random): string {
  using key = PrivateKey.generate(random);
  const secret = key.reveal();
  const text = secret.toBase64();
  wipe(secret);
  return text;
}

/** A warning for a key that was written to a file with these permission bits, if others may read it. */
export function keyFileWarning(mode: number | undefined): string | undefined {
  if (mode === undefined || (mode & FOREIGN_MODE_MASK) === 0) return undefined;
  return "warning: the file with the private key is open to others; set `umask 077` and generate another key";
}

/**
 * The public key of the private key in `input`, base64.
 *
 * @param input `undefined` if it was longer than {@linkcode KEY_INPUT_BYTES_MAX}.
 * @throws {MeshError} `invalid-argument` if `input` is not one base64 key.
 */
export function publicKeyOf(input: string | undefined, x25519: X25519): string {
  using key = PrivateKey.fromBase64(input?.trim() ?? "");
  if (key) return key.publicKey(x25519).toString();
  throw new MeshError(
    "invalid-argument",
    "Cannot read the private key: standard input is not 44 characters of base64",
    {
      hint: "Give it as `weft keys generate` prints it: weft keys public < private.key",
    },
  );
}
