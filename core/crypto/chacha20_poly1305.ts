/**
 * ChaCha20-Poly1305 (RFC 8439 §2.8) and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 §2) with noble: one-shot for
 * handshakes and cookies, in place with a counter nonce for the packet path (WireGuard whitepaper §5.4.6).
 *
 * @module
 */
import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { assert } from "../assert.ts";
import { wipe } from "../bytes/constant_time.ts";
import { counterFits, writeCounterNonce } from "./counter_nonce.ts";
import { type Aead, AEAD_KEY_BYTES, type AeadKey, NONCE_BYTES, TAG_BYTES, XNONCE_BYTES } from "./suite.ts";

/** ChaCha20-Poly1305 in TypeScript. */
export const nobleChacha20Poly1305: Aead = nobleAead(chacha20poly1305, NONCE_BYTES);

/** XChaCha20-Poly1305 in TypeScript. */
export const nobleXchacha20Poly1305: Aead = nobleAead(xchacha20poly1305, XNONCE_BYTES);

function nobleAead(cipher: typeof chacha20poly1305, nonceBytes: number): Aead {
  return {
    seal(key, nonce, associatedData, plaintext) {
      assert(key.length === AEAD_KEY_BYTES && nonce.length === nonceBytes, "AEAD key and nonce have fixed lengths");
      return cipher(key, nonce, associatedData).encrypt(plaintext);
    },

    open(key, nonce, associatedData, ciphertext) {
      assert(key.length === AEAD_KEY_BYTES && nonce.length === nonceBytes, "AEAD key and nonce have fixed lengths");
      if (ciphertext.length < TAG_BYTES) return undefined;
      try {
        return cipher(key, nonce, associatedData).decrypt(ciphertext);
      } catch {
        // Lengths hold, so the one refusal left is a wrong tag.
        return undefined;
      }
    },
  };
}

/** A packet key in TypeScript. Allocates a few views per call, which noble's interface asks for. */
export class NobleAeadKey implements AeadKey {
  readonly #key: Uint8Array;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #nonceView = new DataView(this.#nonce.buffer);
  #disposed = false;

  /** Copies `key`, 32 bytes. */
  constructor(key: Uint8Array) {
    assert(key.length === AEAD_KEY_BYTES, "A ChaCha20-Poly1305 key is 32 bytes");
    this.#key = key.slice();
  }

  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    const text = this.#range(counter, buffer, offset, length + TAG_BYTES);
    // The plaintext and the output start at the same byte: noble encrypts in place.
    chacha20poly1305(this.#key, this.#nonce).encrypt(text.subarray(0, length), text);
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    if (length < TAG_BYTES) return false;
    const text = this.#range(counter, buffer, offset, length);
    try {
      chacha20poly1305(this.#key, this.#nonce).decrypt(text, text.subarray(0, length - TAG_BYTES));
      return true;
    } catch {
      // Lengths hold, so the one refusal left is a wrong tag.
      return false;
    }
  }

  /** Wipes the key. Further use is a broken invariant. */
  [Symbol.dispose](): void {
    wipe(this.#key);
    this.#disposed = true;
  }

  #range(counter: number, buffer: Uint8Array, offset: number, bytes: number): Uint8Array {
    assert(!this.#disposed, "A disposed packet key is not used again");
    assert(counterFits(counter), "A packet counter is an integer in 0 .. 2^53-1");
    assert(offset >= 0 && bytes >= TAG_BYTES && offset + bytes <= buffer.length, "Text and tag lie inside the buffer");
    writeCounterNonce(this.#nonceView, counter);
    return buffer.subarray(offset, offset + bytes);
  }
}
