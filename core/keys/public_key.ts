/**
 * A node's X25519 public key, its identity in the mesh (WireGuard whitepaper §2 and §5.4, S^pub).
 *
 * @module
 */
import { assert } from "../assert.ts";
import { decodeKey, KEY_BYTES } from "./key_text.ts";

/** An immutable public key. Two keys are equal exactly when their texts are, so the text serves as map key. */
export class PublicKey {
  readonly #bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Copies 32 bytes known to be a key, e.g. a field of fixed size. */
  static of(bytes: Uint8Array): PublicKey {
    assert(bytes.length === KEY_BYTES, "A public key is 32 bytes");
    return new PublicKey(bytes.slice());
  }

  /** Copies 32 bytes; `undefined` for any other length. */
  static fromBytes(bytes: Uint8Array): PublicKey | undefined {
    return bytes.length === KEY_BYTES ? PublicKey.of(bytes) : undefined;
  }

  /** Decodes 44 characters of canonical base64; `undefined` for anything else. Never throws. */
  static fromBase64(text: string): PublicKey | undefined {
    const bytes = decodeKey(text);
    return bytes && new PublicKey(bytes);
  }

  /** A copy of the 32 bytes. */
  get bytes(): Uint8Array {
    return this.#bytes.slice();
  }

  equals(other: PublicKey): boolean {
    for (let i = 0; i < KEY_BYTES; i++) if (this.#bytes[i] !== other.#bytes[i]) return false;
    return true;
  }

  /** 44 characters of base64, as `wg` prints it. Usable as a map key. */
  toString(): string {
    return this.#bytes.toBase64();
  }

  /** The same text as {@linkcode PublicKey.toString}. */
  toJSON(): string {
    return this.toString();
  }

  /** What `console.log` prints: the text. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}
