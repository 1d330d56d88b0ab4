/**
 * 32 secret bytes that no log line, string, JSON text or debugger dump shows by accident.
 *
 * Leaves out: protection from whoever can read the memory of the process.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { equalBytes, wipe } from "../bytes/constant_time.ts";
import { KEY_BYTES } from "./key_text.ts";

const REDACTED = "[redacted]";

/** What private and preshared keys have in common. */
export abstract class SecretKey implements Disposable {
  /** Tells the kinds apart for the compiler, which otherwise compares shapes. */
  abstract readonly kind: "private" | "preshared";
  readonly #bytes: Uint8Array;
  #disposed = false;

  /** Copies 32 bytes. */
  protected constructor(bytes: Uint8Array) {
    assert(bytes.length === KEY_BYTES, "A key is 32 bytes");
    this.#bytes = bytes.slice();
  }

  /**
   * The secret itself, a copy that the caller wipes or keeps as safe as this. The only way to it.
   *
   * @throws {InvariantError} If the key was disposed: zeros must not pass for a key.
   */
  reveal(): Uint8Array {
    assert(!this.#disposed, "A disposed key is not used again");
    return this.#bytes.slice();
  }

  /** Compares in constant time. */
  equals(other: this): boolean {
    return equalBytes(this.#bytes, other.#bytes);
  }

  /** `[redacted]`, always. */
  toString(): string {
    return REDACTED;
  }

  /** `[redacted]`, always. */
  toJSON(): string {
    return REDACTED;
  }

  /** What `console.log` prints: `[redacted]`. */
  [Symbol.for("Deno.customInspect")](): string {
    return REDACTED;
  }

  /** What `util.inspect` prints: `[redacted]`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return REDACTED;
  }

  /** Overwrites the secret with zeros; copies made by `reveal` are the caller's. */
  [Symbol.dispose](): void {
    wipe(this.#bytes);
    this.#disposed = true;
  }
}
