/**
 * ChaCha20-Poly1305 for packets, composed of libcrypto's ChaCha20 and Poly1305 as RFC 8439 §2.8 says (OpenSSL 3).
 *
 * libcrypto's own AEAD asks its block function three times for a packet: for the Poly1305 key, for whole blocks, and for
 * the bytes behind them. Here the key's block, the text and some bytes more are one call, which takes a quarter off the
 * time of a full packet and a third off that of a small one (`tests/bench/README.md`).
 *
 * ```text
 *  buffer:   … 64 bytes in front | text         | …          what is in front and behind is read, and stays as it is
 *                     │ one call of ChaCha20, from block 0
 *  scratch:  block 0             | text         | garbage
 * ```
 *
 * The first 32 bytes of the key stream's block 0, which is what came out of the bytes in front less those bytes, are the
 * Poly1305 key (§2.6). The tag is over the ciphertext, padded to 16 bytes, and the lengths of associated data, of which
 * packets have none, and ciphertext.
 *
 * Short texts go another way, by `core/crypto/small_packets.ts`: for a packet that comes alone seven calls to C cost more
 * than its arithmetic.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { counterFits, writeCounterNonce } from "../crypto/counter_nonce.ts";
import { keyWords, SmallPackets } from "../crypto/small_packets.ts";
import { AEAD_KEY_BYTES, type AeadKey, TAG_BYTES } from "../crypto/suite.ts";
import { cString } from "./libc_ffi.ts";
import { type Libcrypto, type Libcrypto3Symbols, type LibcryptoSymbols, native } from "./libcrypto_ffi.ts";
import { PointerCache, pointerTo } from "./pointer_cache.ts";

/** Bytes of a ChaCha20 block (RFC 8439 §2.3). */
const BLOCK_BYTES = 64;
/** Longest text of a packet: no packet is longer than an IP packet with padding. */
export const PACKET_TEXT_BYTES_MAX = 65_552;
/** The initial block counter, 32-bit little-endian, and a nonce. */
const IV_BYTES = 16;
const KEY_WORDS = AEAD_KEY_BYTES / 4;
const TAG_WORDS = TAG_BYTES / 4;
const ZERO_IV = new Uint8Array(IV_BYTES);

/** Both algorithms, and the memory that all packet keys of a thread share between two calls. */
export class PacketCipher implements Disposable {
  readonly symbols: LibcryptoSymbols;
  readonly version3: Libcrypto3Symbols;
  /** Addresses in the buffers that packets lie in. */
  readonly pointers: PointerCache = new PointerCache();
  /** Of ChaCha20, for the counter of the packet at byte 4. */
  readonly nonceView: DataView<ArrayBuffer>;
  readonly iv: Deno.PointerObject;
  /** Where C reports how much it wrote; the lengths are known. */
  readonly written: Deno.PointerObject;
  /** Block 0 and the text as they come out. */
  readonly output: Deno.PointerObject;
  readonly outputText: Deno.PointerObject;
  /** The first words of `output`: the Poly1305 key. */
  readonly keyWords: Int32Array<ArrayBuffer>;
  /** A block of zeros and room for a text, for packets without enough around them. */
  readonly aside: Deno.PointerObject;
  readonly asideText: Deno.PointerObject;
  readonly tag: Deno.PointerObject;
  readonly tagWords: Int32Array<ArrayBuffer>;
  /** By the number of zeros in front: those, and the two lengths. */
  readonly trailers: readonly Deno.PointerObject[];
  /** The second length. */
  readonly textLength: Uint32Array<ArrayBuffer>;
  readonly mac: Deno.PointerObject;
  /** For those that need no library. */
  readonly small: SmallPackets | undefined = SmallPackets.open();
  readonly #stream: Deno.PointerObject;
  readonly #algorithm: Deno.PointerObject;
  /** Keeps the addresses good. */
  readonly #memory: readonly Uint8Array<ArrayBuffer>[];
  #contextCount = 0;

  private constructor(
    symbols: LibcryptoSymbols,
    version3: Libcrypto3Symbols,
    stream: Deno.PointerObject,
    algorithm: Deno.PointerObject,
    mac: Deno.PointerObject,
  ) {
    this.symbols = symbols;
    this.version3 = version3;
    this.#stream = stream;
    this.#algorithm = algorithm;
    this.mac = mac;
    const textBytes = PACKET_TEXT_BYTES_MAX + BLOCK_BYTES;
    const [iv, written, output, aside, tag, trailer] = [16, 8, BLOCK_BYTES + textBytes, BLOCK_BYTES + textBytes, 16, 32]
      .map((bytes) => new Uint8Array(new ArrayBuffer(bytes))) as Six<Uint8Array<ArrayBuffer>>;
    this.#memory = [iv, written, output, aside, tag, trailer];
    this.nonceView = new DataView(iv.buffer, 4);
    this.iv = pointerTo(iv);
    this.written = pointerTo(written);
    this.output = pointerTo(output);
    this.outputText = pointerTo(output.subarray(BLOCK_BYTES));
    this.keyWords = new Int32Array(output.buffer, 0, KEY_WORDS);
    this.aside = pointerTo(aside);
    this.asideText = pointerTo(aside.subarray(BLOCK_BYTES));
    this.tag = pointerTo(tag);
    this.tagWords = new Int32Array(tag.buffer);
    this.trailers = Array.from({ length: TAG_BYTES }, (_, zeros) => pointerTo(trailer.subarray(TAG_BYTES - zeros)));
    this.textLength = new Uint32Array(trailer.buffer, 24, 1);
  }

  /** Borrows `library` until disposed. `undefined` with OpenSSL 1.1, or one without either algorithm. */
  static open({ symbols, version3 }: Libcrypto): PacketCipher | undefined {
    if (version3 === undefined) return undefined;
    const stream = version3.EVP_CIPHER_fetch(null, cString("ChaCha20"), null);
    const algorithm = version3.EVP_MAC_fetch(null, cString("Poly1305"), null);
    const mac = algorithm && version3.EVP_MAC_CTX_new(algorithm);
    if (stream && algorithm && mac) return new PacketCipher(symbols, version3, stream, algorithm, mac);
    version3.EVP_MAC_free(algorithm);
    version3.EVP_CIPHER_free(stream);
    return undefined;
  }

  /** Contexts that nobody has freed yet. */
  get contextCount(): number {
    return this.#contextCount;
  }

  /** A context with `key` from now on; give it back to {@linkcode PacketCipher.free}. */
  streamContext(key: Uint8Array): Deno.PointerObject {
    const context = this.symbols.EVP_CIPHER_CTX_new();
    assert(context !== null, "libcrypto has memory for a cipher context");
    this.#contextCount++;
    const done = this.symbols.EVP_EncryptInit_ex(context, this.#stream, null, native(key), ZERO_IV);
    assert(done === 1, "libcrypto takes a ChaCha20 key");
    return context;
  }

  /** Clears and frees a context. */
  free(context: Deno.PointerObject): void {
    this.symbols.EVP_CIPHER_CTX_free(context);
    this.#contextCount--;
  }

  /** Frees both algorithms, and wipes what the last packet left. */
  [Symbol.dispose](): void {
    this.version3.EVP_MAC_CTX_free(this.mac);
    this.version3.EVP_MAC_free(this.#algorithm);
    this.version3.EVP_CIPHER_free(this.#stream);
    for (const memory of this.#memory) memory.fill(0);
    this.small?.[Symbol.dispose]();
  }
}

type Six<T> = [T, T, T, T, T, T];

/** A packet key. The stream is the same in both directions, so one context does. */
export class LibcryptoPacketKey implements AeadKey {
  readonly #cipher: PacketCipher;
  readonly #context: Deno.PointerObject;
  readonly #words: Int32Array<ArrayBuffer>;
  #disposed = false;

  /** Copies `key`, 32 bytes. */
  constructor(cipher: PacketCipher, key: Uint8Array) {
    assert(key.length === AEAD_KEY_BYTES, "A ChaCha20-Poly1305 key is 32 bytes");
    this.#cipher = cipher;
    this.#context = cipher.streamContext(key);
    this.#words = keyWords(key);
  }

  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#check(buffer, offset, length + TAG_BYTES);
    const cipher = this.#cipher;
    const { small } = cipher;
    if (small?.takes(length)) {
      return small.seal(this.#words, counter, cipher.pointers.viewOf(buffer), offset, length);
    }
    const text = cipher.pointers.at(buffer, offset);
    this.#cross(counter, buffer, offset, length);
    this.#authenticate(cipher.outputText, length, cipher.pointers.at(buffer, offset + length));
    cipher.version3.memcpy(text, cipher.outputText, length);
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    if (length < TAG_BYTES) return false;
    this.#check(buffer, offset, length);
    const cipher = this.#cipher;
    const textBytes = length - TAG_BYTES;
    const { small } = cipher;
    if (small?.takes(textBytes)) {
      return small.open(this.#words, counter, cipher.pointers.viewOf(buffer), offset, textBytes);
    }
    const text = cipher.pointers.at(buffer, offset);
    this.#cross(counter, buffer, offset, textBytes);
    this.#authenticate(text, textBytes, cipher.tag);
    const view = cipher.pointers.viewOf(buffer);
    let difference = 0;
    for (let i = 0; i < TAG_WORDS; i++) {
      difference |= cipher.tagWords[i]! ^ view.getInt32(offset + textBytes + 4 * i, true);
    }
    if (difference !== 0) return false;
    cipher.version3.memcpy(text, cipher.outputText, textBytes);
    return true;
  }

  /** Frees the context, which clears its memory. Further use is a broken invariant. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#words.fill(0);
    this.#cipher.free(this.#context);
  }

  /** These checks keep C inside the buffer and away from a freed context: they are the memory safety of the packet path. */
  #check(buffer: Uint8Array, offset: number, bytes: number): void {
    assert(!this.#disposed, "A disposed packet key is not used again");
    assert(offset >= 0 && bytes >= TAG_BYTES && offset + bytes <= buffer.length, "Text and tag lie inside the buffer");
    assert(bytes <= PACKET_TEXT_BYTES_MAX + TAG_BYTES, "A packet is not longer than its scratch memory");
  }

  /** Takes the text to its other form in the output, and puts the Poly1305 key in front. */
  #cross(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    assert(counterFits(counter), "A packet counter is an integer in 0 .. 2^53-1");
    const cipher = this.#cipher;
    const c = cipher.symbols;
    writeCounterNonce(cipher.nonceView, counter);
    const start = offset - BLOCK_BYTES;
    // Whole blocks: what is behind the text crosses too, and is not looked at.
    const bytes = BLOCK_BYTES + (length + BLOCK_BYTES - 1 & -BLOCK_BYTES);
    const isInside = start >= 0 && start + bytes <= buffer.length;
    if (!isInside) cipher.version3.memcpy(cipher.asideText, cipher.pointers.at(buffer, offset), length);
    const input = isInside ? cipher.pointers.at(buffer, start) : cipher.aside;
    const done = c.packetSealInit(this.#context, null, null, null, cipher.iv) === 1 &&
      c.packetSeal(this.#context, cipher.output, cipher.written, input, bytes) === 1;
    assert(done, "libcrypto encrypts and decrypts");
    if (!isInside) return;
    const view = cipher.pointers.viewOf(buffer);
    for (let i = 0; i < KEY_WORDS; i++) cipher.keyWords[i]! ^= view.getInt32(start + 4 * i, true);
  }

  /** Writes the tag of a ciphertext, with the key that is in the output. */
  #authenticate(text: Deno.PointerObject, length: number, tag: Deno.PointerObject): void {
    const cipher = this.#cipher;
    const { version3: c, mac } = cipher;
    const zeros = -length & TAG_BYTES - 1;
    cipher.textLength[0] = length;
    const done = c.packetMacInit(mac, cipher.output, AEAD_KEY_BYTES, null) === 1 &&
      c.packetMac(mac, text, length) === 1 &&
      c.packetMac(mac, cipher.trailers[zeros]!, zeros + TAG_BYTES) === 1 &&
      c.packetMacEnd(mac, tag, cipher.written, TAG_BYTES) === 1;
    assert(done, "libcrypto authenticates");
  }
}
