/**
 * ChaCha20-Poly1305 for short packets with a counter nonce (RFC 8439 §2.8, WireGuard whitepaper §5.4.6), by the kernel of
 * `small_packet_wasm.ts`.
 *
 * A text is copied to the kernel's own memory and back, so that no buffer has to be one of WebAssembly. What a library
 * does faster, or the kernel not at all, is refused by {@linkcode SmallPackets.takes}.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { counterFits, writeCounterNonce } from "./counter_nonce.ts";
import {
  PIECE_BYTES,
  PLACES,
  SMALL_TEXT_BYTES_MAX,
  type SmallPacketExports,
  smallPacketModule,
} from "./small_packet_wasm.ts";
import { AEAD_KEY_BYTES, NONCE_BYTES, TAG_BYTES } from "./suite.ts";

const PAGE_BYTES = 65_536;
const WORD_BYTES = 4;
const KEY_WORDS = AEAD_KEY_BYTES / WORD_BYTES;
const TAG_WORDS = TAG_BYTES / WORD_BYTES;
const KEY_WORD = PLACES.key / WORD_BYTES;
const TAG_WORD = PLACES.tag / WORD_BYTES;
const TEXT_WORD = PLACES.text / WORD_BYTES;

/** A key's words, little-endian, for {@linkcode SmallPackets}. Copies `key`, 32 bytes; wipe it with `fill(0)`. */
export function keyWords(key: Uint8Array): Int32Array<ArrayBuffer> {
  assert(key.length === AEAD_KEY_BYTES, "A ChaCha20-Poly1305 key is 32 bytes");
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return Int32Array.from({ length: KEY_WORDS }, (_, word) => view.getInt32(WORD_BYTES * word, true));
}

/** One kernel and its memory, for all keys of a thread. */
export class SmallPackets implements Disposable {
  readonly #seal: SmallPacketExports["seal"];
  readonly #open: SmallPacketExports["open"];
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #nonce: DataView<ArrayBuffer>;

  private constructor(exports: WebAssembly.Exports, buffer: ArrayBuffer) {
    this.#seal = exports["seal"] as SmallPacketExports["seal"];
    this.#open = exports["open"] as SmallPacketExports["open"];
    this.#words = new Int32Array(buffer, 0, PAGE_BYTES / WORD_BYTES);
    this.#nonce = new DataView(buffer, PLACES.nonce, NONCE_BYTES);
  }

  /** `undefined` where the processor or the runtime has no vectors, or there is no memory for them. */
  static open(): SmallPackets | undefined {
    const code = smallPacketModule();
    if (!WebAssembly.validate(code)) return undefined;
    try {
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { packets: { memory } });
      const { buffer } = memory;
      assert(buffer instanceof ArrayBuffer, "A memory is shared only when asked for");
      return new SmallPackets(exports, buffer);
    } catch (error) {
      // No address space, of which a memory reserves far more than it has.
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** Whether a text of so many bytes is short, and whole pieces. */
  takes(textBytes: number): boolean {
    return textBytes <= SMALL_TEXT_BYTES_MAX && textBytes % PIECE_BYTES === 0;
  }

  /**
   * Encrypts in place and writes the tag behind. The text is one that {@linkcode SmallPackets.takes}.
   *
   * @param key Of {@linkcode keyWords}.
   */
  seal(key: Int32Array, counter: number, view: DataView, offset: number, textBytes: number): void {
    this.#prepare(key, counter, view, offset, textBytes);
    this.#seal(textBytes);
    const words = this.#words;
    for (let at = 0; at < textBytes; at += WORD_BYTES) {
      view.setInt32(offset + at, words[TEXT_WORD + (at >> 2)]!, true);
    }
    for (let word = 0; word < TAG_WORDS; word++) {
      view.setInt32(offset + textBytes + WORD_BYTES * word, words[TAG_WORD + word]!, true);
    }
  }

  /** Verifies the tag behind the text and decrypts in place; false, and nothing written, if it is wrong. */
  open(key: Int32Array, counter: number, view: DataView, offset: number, textBytes: number): boolean {
    this.#prepare(key, counter, view, offset, textBytes);
    this.#open(textBytes);
    const words = this.#words;
    let difference = 0;
    for (let word = 0; word < TAG_WORDS; word++) {
      difference |= words[TAG_WORD + word]! ^ view.getInt32(offset + textBytes + WORD_BYTES * word, true);
    }
    if (difference !== 0) return false;
    for (let at = 0; at < textBytes; at += WORD_BYTES) {
      view.setInt32(offset + at, words[TEXT_WORD + (at >> 2)]!, true);
    }
    return true;
  }

  /** Wipes what the last packet left. */
  [Symbol.dispose](): void {
    this.#words.fill(0);
  }

  #prepare(key: Int32Array, counter: number, view: DataView, offset: number, textBytes: number): void {
    assert(counterFits(counter), "A packet counter is an integer in 0 .. 2^53-1");
    assert(this.takes(textBytes), "A small packet is short and whole pieces");
    const words = this.#words;
    for (let word = 0; word < KEY_WORDS; word++) words[KEY_WORD + word] = key[word]!;
    writeCounterNonce(this.#nonce, counter);
    for (let at = 0; at < textBytes; at += WORD_BYTES) {
      words[TEXT_WORD + (at >> 2)] = view.getInt32(offset + at, true);
    }
  }
}
