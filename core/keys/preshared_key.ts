/**
 * The optional symmetric key of a pair of peers (WireGuard whitepaper §5.2 and §5.4.3, Q), mixed into the handshake
 * against adversaries who record today and own a quantum computer later.
 *
 * @module
 */
import type { Random } from "../seams/random.ts";
import { wipe } from "../bytes/constant_time.ts";
import { decodeKey, KEY_BYTES } from "./key_text.ts";
import { SecretKey } from "./secret_key.ts";

/** 32 secret bytes that do not print. */
export class PresharedKey extends SecretKey {
  override readonly kind = "preshared";

  private constructor(bytes: Uint8Array) {
    super(bytes);
  }

  /** A fresh key. */
  static generate(random: Random): PresharedKey {
    const bytes = new Uint8Array(KEY_BYTES);
    random.fill(bytes);
    return PresharedKey.#taking(bytes);
  }

  /** Copies 32 bytes; `undefined` for any other length. */
  static fromBytes(bytes: Uint8Array): PresharedKey | undefined {
    return bytes.length === KEY_BYTES ? new PresharedKey(bytes) : undefined;
  }

  /** Decodes what `wg genpsk` prints; `undefined` if `text` is not exactly one key. Never throws. */
  static fromBase64(text: string): PresharedKey | undefined {
    const bytes = decodeKey(text);
    return bytes && PresharedKey.#taking(bytes);
  }

  /** Takes `bytes`: wipes them once copied. */
  static #taking(bytes: Uint8Array): PresharedKey {
    const key = new PresharedKey(bytes);
    wipe(bytes);
    return key;
  }
}
