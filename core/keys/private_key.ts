/**
 * A node's X25519 private key (RFC 7748 §5; WireGuard whitepaper §5.4, S^priv).
 *
 * @module
 */
import type { X25519 } from "../crypto/suite.ts";
import type { Random } from "../seams/random.ts";
import { wipe } from "../bytes/constant_time.ts";
import { decodeKey, KEY_BYTES } from "./key_text.ts";
import { PublicKey } from "./public_key.ts";
import { SecretKey } from "./secret_key.ts";

/** A clamped X25519 scalar that does not print. */
export class PrivateKey extends SecretKey {
  override readonly kind = "private";

  private constructor(bytes: Uint8Array) {
    super(bytes);
  }

  /** A fresh key. */
  static generate(random: Random): PrivateKey {
    const bytes = new Uint8Array(KEY_BYTES);
    random.fill(bytes);
    return PrivateKey.#clamped(bytes);
  }

  /** Copies and clamps 32 bytes; `undefined` for any other length. */
  static fromBytes(bytes: Uint8Array): PrivateKey | undefined {
    return bytes.length === KEY_BYTES ? PrivateKey.#clamped(bytes.slice()) : undefined;
  }

  /** Decodes what `wg genkey` prints and clamps it; `undefined` if `text` is not exactly one key. Never throws. */
  static fromBase64(text: string): PrivateKey | undefined {
    const bytes = decodeKey(text);
    return bytes && PrivateKey.#clamped(bytes);
  }

  /** The public key that belongs to it. */
  publicKey(x25519: X25519): PublicKey {
    const secret = this.reveal();
    const key = PublicKey.of(x25519.publicKey(secret));
    wipe(secret);
    return key;
  }

  /** Takes `bytes`: clamps them (RFC 7748 §5, decodeScalar25519) and wipes them once copied. */
  static #clamped(bytes: Uint8Array): PrivateKey {
    bytes[0] = bytes[0]! & 0xf8;
    bytes[31] = (bytes[31]! & 0x7f) | 0x40;
    const key = new PrivateKey(bytes);
    wipe(bytes);
    return key;
  }
}
