/**
 * ChaCha20-Poly1305 (RFC 8439 §2.8) of libcrypto: per packet in place (WireGuard whitepaper §5.4.6), and one-shot for
 * handshakes and cookies, also with the extended nonce (draft-irtf-cfrg-xchacha-03 §2).
 *
 * @module
 */
import { assert } from "../assert.ts";
import { wipe } from "../bytes/constant_time.ts";
import { counterFits, writeCounterNonce } from "../crypto/counter_nonce.ts";
import { hchacha20, HCHACHA20_INPUT_BYTES } from "../crypto/hchacha20.ts";
import { type Aead, AEAD_KEY_BYTES, type AeadKey, NONCE_BYTES, TAG_BYTES, XNONCE_BYTES } from "../crypto/suite.ts";
import { cString } from "./libc_ffi.ts";
import { type Libcrypto, type LibcryptoSymbols, native } from "./libcrypto_ffi.ts";
import { PointerCache, pointerTo } from "./pointer_cache.ts";

/** `EVP_CTRL_AEAD_GET_TAG` and `EVP_CTRL_AEAD_SET_TAG` of openssl/evp.h. */
const GET_TAG = 0x10;
const SET_TAG = 0x11;

const ZERO_KEY = new Uint8Array(AEAD_KEY_BYTES);
const ZERO_NONCE = new Uint8Array(NONCE_BYTES);

/** Buffers up to this size come once, as a rule: copying what is in them costs less than asking for their addresses. */
export const ASIDE_BYTES_MAX = 4096;

/** What all packet keys of a thread share between two calls, at addresses that never change. */
export class PacketScratch implements Disposable {
  /** Addresses in the buffers that packets lie in. */
  readonly pointers: PointerCache = new PointerCache();
  readonly nonceView: DataView<ArrayBuffer>;
  readonly nonce: Deno.PointerObject;
  /** Where C reports how much it wrote; the lengths are known. */
  readonly written: Deno.PointerObject;
  /** Where C would write the rest of a block; this cipher has none. */
  readonly nothing: Deno.PointerObject;
  /** A text from a small buffer, and its tag. */
  readonly aside: Uint8Array<ArrayBuffer>;
  readonly asideText: Deno.PointerObject;
  readonly asideTag: Deno.PointerObject;
  readonly tag: Uint8Array<ArrayBuffer>;
  /** Keeps the addresses good. */
  readonly #memory = new Uint8Array(new ArrayBuffer(4 * TAG_BYTES + ASIDE_BYTES_MAX));

  constructor() {
    const at = (slot: number) => pointerTo(this.#memory.subarray(slot * TAG_BYTES));
    this.nonceView = new DataView(this.#memory.buffer, 0, NONCE_BYTES);
    this.nonce = at(0);
    this.written = at(1);
    this.nothing = at(2);
    this.asideTag = at(3);
    this.asideText = at(4);
    this.tag = this.#memory.subarray(3 * TAG_BYTES, 4 * TAG_BYTES);
    this.aside = this.#memory.subarray(4 * TAG_BYTES);
  }

  /** Wipes what the last packet left. */
  [Symbol.dispose](): void {
    this.#memory.fill(0);
  }
}

/** The algorithm, looked up once: looking it up per key takes longer than sealing a small packet. */
export class LibcryptoCipher implements Disposable {
  readonly symbols: LibcryptoSymbols;
  /** For the packet keys. */
  readonly packets: PacketScratch = new PacketScratch();
  readonly #cipher: Deno.PointerValue;
  readonly #free: () => void;
  #contextCount = 0;

  /** Borrows `library` until disposed. */
  constructor(library: Libcrypto) {
    const { symbols, version3 } = library;
    const fetched = version3?.EVP_CIPHER_fetch(null, cString("ChaCha20-Poly1305"), null) ?? null;
    this.symbols = symbols;
    this.#cipher = fetched ?? symbols.EVP_chacha20_poly1305();
    this.#free = () => version3?.EVP_CIPHER_free(fetched);
  }

  /** Contexts that nobody has freed yet. */
  get contextCount(): number {
    return this.#contextCount;
  }

  /** A context that seals with `key` from now on; give it back to {@linkcode LibcryptoCipher.free}. */
  sealContext(key: Uint8Array): Deno.PointerObject {
    const context = this.#newContext();
    const done = this.symbols.EVP_EncryptInit_ex(context, this.#cipher, null, native(key), ZERO_NONCE);
    assert(done === 1, "libcrypto takes a ChaCha20-Poly1305 key for sealing");
    return context;
  }

  /** A context that opens with `key` from now on; give it back to {@linkcode LibcryptoCipher.free}. */
  openContext(key: Uint8Array): Deno.PointerObject {
    const context = this.#newContext();
    const done = this.symbols.EVP_DecryptInit_ex(context, this.#cipher, null, native(key), ZERO_NONCE);
    assert(done === 1, "libcrypto takes a ChaCha20-Poly1305 key for opening");
    return context;
  }

  /** Clears and frees a context. */
  free(context: Deno.PointerObject): void {
    this.symbols.EVP_CIPHER_CTX_free(context);
    this.#contextCount--;
  }

  /** The library counts references: contexts in use would keep the algorithm. */
  [Symbol.dispose](): void {
    this.packets[Symbol.dispose]();
    this.#free();
  }

  #newContext(): Deno.PointerObject {
    const context = this.symbols.EVP_CIPHER_CTX_new();
    assert(context !== null, "libcrypto has memory for a cipher context");
    this.#contextCount++;
    return context;
  }
}

/** A packet key: one context per direction, keyed once, so that a packet costs four short calls. */
export class LibcryptoAeadKey implements AeadKey {
  readonly #cipher: LibcryptoCipher;
  readonly #symbols: LibcryptoSymbols;
  readonly #packets: PacketScratch;
  readonly #sealContext: Deno.PointerObject;
  readonly #openContext: Deno.PointerObject;
  #disposed = false;

  /** Copies `key`, 32 bytes. */
  constructor(cipher: LibcryptoCipher, key: Uint8Array) {
    assert(key.length === AEAD_KEY_BYTES, "A ChaCha20-Poly1305 key is 32 bytes");
    this.#cipher = cipher;
    this.#symbols = cipher.symbols;
    this.#packets = cipher.packets;
    this.#sealContext = cipher.sealContext(key);
    this.#openContext = cipher.openContext(key);
  }

  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#start(counter, buffer, offset, length + TAG_BYTES);
    const { pointers, aside, asideText, asideTag, tag } = this.#packets;
    if (buffer.length > ASIDE_BYTES_MAX) {
      return this.#seal(pointers.at(buffer, offset), length, pointers.at(buffer, offset + length));
    }
    aside.set(buffer.subarray(offset, offset + length));
    this.#seal(asideText, length, asideTag);
    buffer.set(aside.subarray(0, length), offset);
    buffer.set(tag, offset + length);
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    if (length < TAG_BYTES) return false;
    this.#start(counter, buffer, offset, length);
    const { pointers, aside, asideText, asideTag, tag } = this.#packets;
    const textBytes = length - TAG_BYTES;
    if (buffer.length > ASIDE_BYTES_MAX) {
      return this.#open(pointers.at(buffer, offset), textBytes, pointers.at(buffer, offset + textBytes));
    }
    aside.set(buffer.subarray(offset, offset + textBytes));
    tag.set(buffer.subarray(offset + textBytes, offset + length));
    if (!this.#open(asideText, textBytes, asideTag)) return false;
    buffer.set(aside.subarray(0, textBytes), offset);
    return true;
  }

  /** Frees both contexts, which clears their memory. Further use is a broken invariant. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#cipher.free(this.#sealContext);
    this.#cipher.free(this.#openContext);
  }

  #seal(text: Deno.PointerObject, length: number, tag: Deno.PointerObject): void {
    const c = this.#symbols;
    const context = this.#sealContext;
    const { nonce, written, nothing } = this.#packets;
    const done = c.packetSealInit(context, null, null, null, nonce) === 1 &&
      c.packetSeal(context, text, written, text, length) === 1 &&
      c.packetSealEnd(context, nothing, written) === 1 &&
      c.packetTag(context, GET_TAG, TAG_BYTES, tag) === 1;
    assert(done, "libcrypto seals a packet");
  }

  #open(text: Deno.PointerObject, length: number, tag: Deno.PointerObject): boolean {
    const c = this.#symbols;
    const context = this.#openContext;
    const { nonce, written, nothing } = this.#packets;
    const done = c.packetOpenInit(context, null, null, null, nonce) === 1 &&
      c.packetTag(context, SET_TAG, TAG_BYTES, tag) === 1 &&
      c.packetOpen(context, text, written, text, length) === 1;
    assert(done, "libcrypto reads a packet");
    return c.packetOpenEnd(context, nothing, written) === 1;
  }

  /**
   * Sets the nonce.
   *
   * The checks keep C inside the buffer and away from freed contexts: they are the memory safety of the packet path.
   */
  #start(counter: number, buffer: Uint8Array, offset: number, bytes: number): void {
    assert(!this.#disposed, "A disposed packet key is not used again");
    assert(counterFits(counter), "A packet counter is an integer in 0 .. 2^53-1");
    assert(offset >= 0 && bytes >= TAG_BYTES && offset + bytes <= buffer.length, "Text and tag lie inside the buffer");
    writeCounterNonce(this.#packets.nonceView, counter);
  }
}

/** ChaCha20-Poly1305 with key, nonce and associated data given per call. Keeps no key between calls. */
export class LibcryptoAead implements Aead, Disposable {
  readonly #cipher: LibcryptoCipher;
  readonly #symbols: LibcryptoSymbols;
  readonly #sealContext: Deno.PointerObject;
  readonly #openContext: Deno.PointerObject;
  readonly #written = new Int32Array(1);
  /** Where C would write the rest of a block; this cipher has none. */
  readonly #nothing = new Uint8Array(TAG_BYTES);
  #disposed = false;

  /** Borrows `cipher` until disposed. */
  constructor(cipher: LibcryptoCipher) {
    this.#cipher = cipher;
    this.#symbols = cipher.symbols;
    this.#sealContext = cipher.sealContext(ZERO_KEY);
    this.#openContext = cipher.openContext(ZERO_KEY);
  }

  seal(key: Uint8Array, nonce: Uint8Array, associatedData: Uint8Array, plaintext: Uint8Array): Uint8Array {
    this.#check(key, nonce);
    const c = this.#symbols;
    const context = this.#sealContext;
    const output = new Uint8Array(plaintext.length + TAG_BYTES);
    const tag = output.subarray(plaintext.length);
    const done = c.EVP_EncryptInit_ex(context, null, null, native(key), native(nonce)) === 1 &&
      this.#encrypt(null, associatedData) &&
      this.#encrypt(output, plaintext) &&
      c.EVP_EncryptFinal_ex(context, this.#nothing, this.#written) === 1 &&
      c.EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG_BYTES, tag) === 1;
    const wiped = c.EVP_EncryptInit_ex(context, null, null, ZERO_KEY, ZERO_NONCE) === 1;
    assert(done && wiped, "libcrypto seals");
    return output;
  }

  open(
    key: Uint8Array,
    nonce: Uint8Array,
    associatedData: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array | undefined {
    this.#check(key, nonce);
    if (ciphertext.length < TAG_BYTES) return undefined;
    const c = this.#symbols;
    const context = this.#openContext;
    const text = native(ciphertext).subarray(0, -TAG_BYTES);
    const tag = native(ciphertext).subarray(-TAG_BYTES);
    const output = new Uint8Array(text.length);
    const done = c.EVP_DecryptInit_ex(context, null, null, native(key), native(nonce)) === 1 &&
      c.EVP_CIPHER_CTX_ctrl(context, SET_TAG, TAG_BYTES, tag) === 1 &&
      this.#decrypt(null, associatedData) &&
      this.#decrypt(output, text);
    const genuine = done && c.EVP_DecryptFinal_ex(context, this.#nothing, this.#written) === 1;
    const wiped = c.EVP_DecryptInit_ex(context, null, null, ZERO_KEY, ZERO_NONCE) === 1;
    assert(done && wiped, "libcrypto opens");
    if (genuine) return output;
    wipe(output);
    return undefined;
  }

  /** Frees both contexts. Further use is a broken invariant. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#cipher.free(this.#sealContext);
    this.#cipher.free(this.#openContext);
  }

  #check(key: Uint8Array, nonce: Uint8Array): void {
    assert(!this.#disposed, "A disposed cipher is not used again");
    assert(key.length === AEAD_KEY_BYTES && nonce.length === NONCE_BYTES, "AEAD key and nonce have fixed lengths");
  }

  /** Feeds plaintext, or associated data when there is no `output`. */
  #encrypt(output: Uint8Array<ArrayBuffer> | null, input: Uint8Array): boolean {
    return input.length === 0 ||
      this.#symbols.EVP_EncryptUpdate(this.#sealContext, output, this.#written, native(input), input.length) === 1;
  }

  /** Feeds ciphertext, or associated data when there is no `output`. */
  #decrypt(output: Uint8Array<ArrayBuffer> | null, input: Uint8Array): boolean {
    return input.length === 0 ||
      this.#symbols.EVP_DecryptUpdate(this.#openContext, output, this.#written, native(input), input.length) === 1;
  }
}

/** XChaCha20-Poly1305 made of HChaCha20 and `inner`: libcrypto has no such algorithm. */
export function extendNonce(inner: Aead): Aead {
  return {
    seal(key, nonce, associatedData, plaintext) {
      const subkey = subkeyOf(key, nonce);
      const output = inner.seal(subkey, subnonceOf(nonce), associatedData, plaintext);
      wipe(subkey);
      return output;
    },

    open(key, nonce, associatedData, ciphertext) {
      const subkey = subkeyOf(key, nonce);
      const output = inner.open(subkey, subnonceOf(nonce), associatedData, ciphertext);
      wipe(subkey);
      return output;
    },
  };
}

function subkeyOf(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  assert(nonce.length === XNONCE_BYTES, "An XChaCha20-Poly1305 nonce is 24 bytes");
  return hchacha20(key, nonce.subarray(0, HCHACHA20_INPUT_BYTES));
}

/** Four zero bytes and the last eight of the nonce. */
function subnonceOf(nonce: Uint8Array): Uint8Array {
  const subnonce = new Uint8Array(NONCE_BYTES);
  subnonce.set(nonce.subarray(HCHACHA20_INPUT_BYTES), 4);
  return subnonce;
}
