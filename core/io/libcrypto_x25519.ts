/**
 * X25519 (RFC 7748 §5) of libcrypto, through its generic key agreement (EVP_PKEY_derive(3)).
 *
 * @module
 */
import { assert } from "../assert.ts";
import { wipe } from "../bytes/constant_time.ts";
import { type X25519, X25519_BYTES } from "../crypto/suite.ts";
import { cString } from "./libc_ffi.ts";
import { type Libcrypto, type Libcrypto3Symbols, type LibcryptoSymbols, native } from "./libcrypto_ffi.ts";
import { type OsslParam, PARAM_OCTET_STRING, paramArray } from "./libcrypto_params.ts";

/** `EVP_PKEY_X25519` of openssl/evp.h. */
const KEY_TYPE_X25519 = 1034;

/** `EVP_PKEY_KEYPAIR` of openssl/evp.h: everything that `OSSL_KEYMGMT_SELECT_…` has but the domain's validation. */
const SELECT_KEYPAIR = 0x87;

const KEY_LENGTH = BigInt(X25519_BYTES);

/** X25519 of libcrypto. Keeps no key between calls. */
export class LibcryptoX25519 implements X25519, Disposable {
  readonly #symbols: LibcryptoSymbols;
  readonly #importer: PrivateKeyImporter | undefined;
  readonly #length = new BigUint64Array([KEY_LENGTH]);
  #disposed = false;

  /** Borrows `library` until disposed. */
  constructor(library: Libcrypto) {
    this.#symbols = library.symbols;
    this.#importer = library.version3 && PrivateKeyImporter.open(library.symbols, library.version3);
  }

  publicKey(privateKey: Uint8Array): Uint8Array {
    assert(!this.#disposed, "A disposed X25519 is not used again");
    assert(privateKey.length === X25519_BYTES, "An X25519 private key is 32 bytes");
    const c = this.#symbols;
    const key = c.EVP_PKEY_new_raw_private_key(KEY_TYPE_X25519, null, native(privateKey), KEY_LENGTH);
    assert(key !== null, "libcrypto takes any 32 bytes as X25519 private key");
    const output = new Uint8Array(X25519_BYTES);
    this.#length[0] = KEY_LENGTH;
    const done = c.EVP_PKEY_get_raw_public_key(key, output, this.#length);
    c.EVP_PKEY_free(key);
    assert(done === 1, "libcrypto computes an X25519 public key");
    return output;
  }

  sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
    assert(!this.#disposed, "A disposed X25519 is not used again");
    assert(privateKey.length === X25519_BYTES, "An X25519 private key is 32 bytes");
    assert(publicKey.length === X25519_BYTES, "An X25519 public key is 32 bytes");
    const c = this.#symbols;
    const own = this.#importer?.import(privateKey) ??
      c.EVP_PKEY_new_raw_private_key(KEY_TYPE_X25519, null, native(privateKey), KEY_LENGTH);
    const peer = c.EVP_PKEY_new_raw_public_key(KEY_TYPE_X25519, null, native(publicKey), KEY_LENGTH);
    const context = own && c.EVP_PKEY_CTX_new(own, null);
    const output = new Uint8Array(X25519_BYTES);
    this.#length[0] = KEY_LENGTH;
    const ready = peer !== null && context !== null && c.EVP_PKEY_derive_init(context) === 1 &&
      c.EVP_PKEY_derive_set_peer(context, peer) === 1;
    // The one refusal left after these is RFC 7748 §6.1: the peer sent a point of low order.
    const derived = ready && c.EVP_PKEY_derive(context, output, this.#length) === 1;
    c.EVP_PKEY_CTX_free(context);
    c.EVP_PKEY_free(peer);
    c.EVP_PKEY_free(own);
    assert(ready, "libcrypto takes any 32 bytes as X25519 keys");
    return derived ? output : undefined;
  }

  /** Frees what imports keys. Further use is a broken invariant. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#importer?.[Symbol.dispose]();
  }
}

/**
 * Hands a private key to OpenSSL 3 without letting it compute the public key, which a key agreement does not need and
 * which costs more (41 µs) than the agreement itself (33 µs): a public key of zeros stands in for it.
 */
class PrivateKeyImporter implements Disposable {
  readonly #symbols: LibcryptoSymbols;
  readonly #version3: Libcrypto3Symbols;
  readonly #context: Deno.PointerObject;
  readonly #secret = new Uint8Array(new ArrayBuffer(X25519_BYTES));
  /** Keeps the memory alive that `#params` points to. */
  readonly #values: readonly OsslParam[] = [
    { key: cString("priv"), type: PARAM_OCTET_STRING, value: this.#secret },
    { key: cString("pub"), type: PARAM_OCTET_STRING, value: new Uint8Array(new ArrayBuffer(X25519_BYTES)) },
  ];
  readonly #params = paramArray(this.#values);
  readonly #result = new BigUint64Array(1);

  private constructor(symbols: LibcryptoSymbols, version3: Libcrypto3Symbols, context: Deno.PointerObject) {
    this.#symbols = symbols;
    this.#version3 = version3;
    this.#context = context;
  }

  /** `undefined` if this OpenSSL was built without what is needed. */
  static open(symbols: LibcryptoSymbols, version3: Libcrypto3Symbols): PrivateKeyImporter | undefined {
    const context = version3.EVP_PKEY_CTX_new_from_name(null, cString("X25519"), null);
    if (context === null) return undefined;
    if (version3.EVP_PKEY_fromdata_init(context) === 1) return new PrivateKeyImporter(symbols, version3, context);
    symbols.EVP_PKEY_CTX_free(context);
    return undefined;
  }

  /** A key that can agree and do nothing else; `null` if OpenSSL refuses. The caller frees it. */
  import(privateKey: Uint8Array): Deno.PointerValue {
    this.#secret.set(privateKey);
    this.#result[0] = 0n;
    const done = this.#version3.EVP_PKEY_fromdata(this.#context, this.#result, SELECT_KEYPAIR, this.#params);
    wipe(this.#secret);
    return done === 1 ? Deno.UnsafePointer.create(this.#result[0]) : null;
  }

  [Symbol.dispose](): void {
    this.#symbols.EVP_PKEY_CTX_free(this.#context);
  }
}
