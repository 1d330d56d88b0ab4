/**
 * BLAKE2s (RFC 7693) of libcrypto, HMAC over it (RFC 2104), and the keyed form where OpenSSL 3 has it: a tenth of the
 * time that noble takes for the short inputs of a handshake.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { wipe } from "../bytes/constant_time.ts";
import { nobleBlake2s } from "../crypto/blake2s.ts";
import { type Blake2s, BLAKE2S_BYTES } from "../crypto/suite.ts";
import { cString } from "./libc_ffi.ts";
import { type Libcrypto, type Libcrypto3Symbols, type LibcryptoSymbols, native } from "./libcrypto_ffi.ts";
import { type OsslParam, PARAM_UNSIGNED_INTEGER, paramArray } from "./libcrypto_params.ts";

/** Bytes of a BLAKE2s block, the B of RFC 2104 §2. */
const BLOCK_BYTES = 64;
/** The ipad and opad of RFC 2104 §2. */
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** BLAKE2s of libcrypto. */
export class LibcryptoBlake2s implements Blake2s, Disposable {
  readonly #symbols: LibcryptoSymbols;
  readonly #digest: Deno.PointerValue;
  readonly #context: Deno.PointerObject;
  readonly #keyed: KeyedBlake2s | undefined;
  readonly #pad = new Uint8Array(BLOCK_BYTES);
  readonly #free: () => void;
  #disposed = false;

  /** Borrows `library` until disposed. */
  constructor(library: Libcrypto) {
    const { symbols, version3 } = library;
    const fetched = version3?.EVP_MD_fetch(null, cString("BLAKE2S-256"), null) ?? null;
    const context = symbols.EVP_MD_CTX_new();
    assert(context !== null, "libcrypto has memory for a digest context");
    this.#symbols = symbols;
    this.#digest = fetched ?? symbols.EVP_blake2s256();
    this.#context = context;
    this.#keyed = version3 && KeyedBlake2s.open(version3);
    this.#free = () => version3?.EVP_MD_free(fetched);
  }

  hash(...parts: Uint8Array[]): Uint8Array {
    this.#start();
    for (const part of parts) this.#update(part);
    return this.#finish();
  }

  mac(key: Uint8Array, data: Uint8Array, outputBytes: 16 | 32): Uint8Array {
    assert(!this.#disposed, "A disposed hash is not used again");
    assert(key.length >= 1 && key.length <= BLAKE2S_BYTES, "A BLAKE2s key has 1 to 32 bytes");
    return this.#keyed ? this.#keyed.mac(key, data, outputBytes) : nobleBlake2s.mac(key, data, outputBytes);
  }

  hmac(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
    const blockKey = key.length > BLOCK_BYTES ? this.hash(key) : key;
    const pad = this.#pad.fill(INNER_PAD);
    for (let i = 0; i < blockKey.length; i++) pad[i] = blockKey[i]! ^ INNER_PAD;
    const inner = this.hash(pad, ...parts);
    for (let i = 0; i < BLOCK_BYTES; i++) pad[i] = pad[i]! ^ INNER_PAD ^ OUTER_PAD;
    const output = this.hash(pad, inner);
    wipe(pad, inner);
    return output;
  }

  /** Frees the contexts. Further use is a broken invariant. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#keyed?.[Symbol.dispose]();
    this.#symbols.EVP_MD_CTX_free(this.#context);
    this.#free();
  }

  #start(): void {
    assert(!this.#disposed, "A disposed hash is not used again");
    assert(this.#symbols.EVP_DigestInit_ex(this.#context, this.#digest, null) === 1, "libcrypto starts BLAKE2s");
  }

  #update(part: Uint8Array): void {
    const done = this.#symbols.EVP_DigestUpdate(this.#context, native(part), BigInt(part.length));
    assert(done === 1, "libcrypto continues BLAKE2s");
  }

  #finish(): Uint8Array {
    const output = new Uint8Array(BLAKE2S_BYTES);
    assert(this.#symbols.EVP_DigestFinal_ex(this.#context, output, null) === 1, "libcrypto finishes BLAKE2s");
    return output;
  }
}

/** Keyed BLAKE2s of OpenSSL 3 (EVP_MAC-BLAKE2(7)). */
class KeyedBlake2s implements Disposable {
  readonly #version3: Libcrypto3Symbols;
  readonly #algorithm: Deno.PointerObject;
  readonly #context: Deno.PointerObject;
  readonly #length = new BigUint64Array(1);
  readonly #size = new BigUint64Array(1);
  /** Keeps the memory alive that `#params` points to. */
  readonly #values: readonly OsslParam[] = [{ key: cString("size"), type: PARAM_UNSIGNED_INTEGER, value: this.#size }];
  readonly #params = paramArray(this.#values);

  private constructor(version3: Libcrypto3Symbols, algorithm: Deno.PointerObject, context: Deno.PointerObject) {
    this.#version3 = version3;
    this.#algorithm = algorithm;
    this.#context = context;
  }

  /** `undefined` if this OpenSSL was built without it. */
  static open(version3: Libcrypto3Symbols): KeyedBlake2s | undefined {
    const algorithm = version3.EVP_MAC_fetch(null, cString("BLAKE2SMAC"), null);
    const context = algorithm && version3.EVP_MAC_CTX_new(algorithm);
    if (algorithm && context) return new KeyedBlake2s(version3, algorithm, context);
    version3.EVP_MAC_free(algorithm);
    return undefined;
  }

  /** Keyed BLAKE2s with a key of 1 to 32 bytes. */
  mac(key: Uint8Array, data: Uint8Array, outputBytes: 16 | 32): Uint8Array {
    const c = this.#version3;
    const output = new Uint8Array(outputBytes);
    this.#size[0] = BigInt(outputBytes);
    const done = c.EVP_MAC_init(this.#context, native(key), BigInt(key.length), this.#params) === 1 &&
      c.EVP_MAC_update(this.#context, native(data), BigInt(data.length)) === 1 &&
      c.EVP_MAC_final(this.#context, output, this.#length, BigInt(outputBytes)) === 1;
    assert(done, "libcrypto computes keyed BLAKE2s");
    return output;
  }

  [Symbol.dispose](): void {
    this.#version3.EVP_MAC_CTX_free(this.#context);
    this.#version3.EVP_MAC_free(this.#algorithm);
  }
}
