/**
 * OpenSSL's libcrypto as a set of typed symbols (OpenSSL 3.0 manual section 3; 1.1.1 where it has the same function).
 *
 * Only documented functions are used. The ones called per packet take addresses as `pointer` and lengths as `i32`: such
 * a call costs 7 ns, with 8 more for each `buffer`, while one with a number as `usize` costs 70.
 *
 * @module
 */

/** What both OpenSSL 1.1.1 and 3 have. */
const COMMON_SYMBOLS = {
  // FFI: int OPENSSL_init_crypto(uint64_t opts, const OPENSSL_INIT_SETTINGS *settings);
  OPENSSL_init_crypto: { parameters: ["u64", "pointer"], result: "i32" },

  // FFI: EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
  EVP_CIPHER_CTX_new: { parameters: [], result: "pointer" },
  // FFI: void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *ctx);
  EVP_CIPHER_CTX_free: { parameters: ["pointer"], result: "void" },
  // FFI: int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *ctx, int cmd, int p1, void *p2);
  EVP_CIPHER_CTX_ctrl: { parameters: ["pointer", "i32", "i32", "buffer"], result: "i32" },
  // FFI: const EVP_CIPHER *EVP_chacha20_poly1305(void);
  EVP_chacha20_poly1305: { parameters: [], result: "pointer" },
  // FFI: int EVP_EncryptInit_ex(EVP_CIPHER_CTX *, const EVP_CIPHER *, ENGINE *, const unsigned char *key, ... *iv);
  EVP_EncryptInit_ex: { parameters: ["pointer", "pointer", "pointer", "buffer", "buffer"], result: "i32" },
  EVP_DecryptInit_ex: { parameters: ["pointer", "pointer", "pointer", "buffer", "buffer"], result: "i32" },
  // FFI: int EVP_EncryptUpdate(EVP_CIPHER_CTX *, unsigned char *out, int *outl, const unsigned char *in, int inl);
  EVP_EncryptUpdate: { parameters: ["pointer", "buffer", "buffer", "buffer", "i32"], result: "i32" },
  EVP_DecryptUpdate: { parameters: ["pointer", "buffer", "buffer", "buffer", "i32"], result: "i32" },
  // FFI: int EVP_EncryptFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl);
  EVP_EncryptFinal_ex: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  EVP_DecryptFinal_ex: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },

  // The same for packets, with addresses as `pointer`.
  packetSealInit: {
    name: "EVP_EncryptInit_ex",
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer"],
    result: "i32",
  },
  packetOpenInit: {
    name: "EVP_DecryptInit_ex",
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer"],
    result: "i32",
  },
  packetSeal: {
    name: "EVP_EncryptUpdate",
    parameters: ["pointer", "pointer", "pointer", "pointer", "i32"],
    result: "i32",
  },
  packetOpen: {
    name: "EVP_DecryptUpdate",
    parameters: ["pointer", "pointer", "pointer", "pointer", "i32"],
    result: "i32",
  },
  packetSealEnd: { name: "EVP_EncryptFinal_ex", parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  packetOpenEnd: { name: "EVP_DecryptFinal_ex", parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  packetTag: { name: "EVP_CIPHER_CTX_ctrl", parameters: ["pointer", "i32", "i32", "pointer"], result: "i32" },

  // FFI: EVP_MD_CTX *EVP_MD_CTX_new(void);
  EVP_MD_CTX_new: { parameters: [], result: "pointer" },
  // FFI: void EVP_MD_CTX_free(EVP_MD_CTX *ctx);
  EVP_MD_CTX_free: { parameters: ["pointer"], result: "void" },
  // FFI: const EVP_MD *EVP_blake2s256(void);
  EVP_blake2s256: { parameters: [], result: "pointer" },
  // FFI: int EVP_DigestInit_ex(EVP_MD_CTX *ctx, const EVP_MD *type, ENGINE *impl);
  EVP_DigestInit_ex: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  // FFI: int EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *d, size_t cnt);
  EVP_DigestUpdate: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  // FFI: int EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md, unsigned int *s);
  EVP_DigestFinal_ex: { parameters: ["pointer", "buffer", "pointer"], result: "i32" },

  // FFI: EVP_PKEY *EVP_PKEY_new_raw_private_key(int type, ENGINE *e, const unsigned char *key, size_t keylen);
  EVP_PKEY_new_raw_private_key: { parameters: ["i32", "pointer", "buffer", "usize"], result: "pointer" },
  EVP_PKEY_new_raw_public_key: { parameters: ["i32", "pointer", "buffer", "usize"], result: "pointer" },
  // FFI: int EVP_PKEY_get_raw_public_key(const EVP_PKEY *pkey, unsigned char *pub, size_t *len);
  EVP_PKEY_get_raw_public_key: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  // FFI: void EVP_PKEY_free(EVP_PKEY *key);
  EVP_PKEY_free: { parameters: ["pointer"], result: "void" },
  // FFI: EVP_PKEY_CTX *EVP_PKEY_CTX_new(EVP_PKEY *pkey, ENGINE *e);
  EVP_PKEY_CTX_new: { parameters: ["pointer", "pointer"], result: "pointer" },
  // FFI: void EVP_PKEY_CTX_free(EVP_PKEY_CTX *ctx);
  EVP_PKEY_CTX_free: { parameters: ["pointer"], result: "void" },
  // FFI: int EVP_PKEY_derive_init(EVP_PKEY_CTX *ctx);
  EVP_PKEY_derive_init: { parameters: ["pointer"], result: "i32" },
  // FFI: int EVP_PKEY_derive_set_peer(EVP_PKEY_CTX *ctx, EVP_PKEY *peer);
  EVP_PKEY_derive_set_peer: { parameters: ["pointer", "pointer"], result: "i32" },
  // FFI: int EVP_PKEY_derive(EVP_PKEY_CTX *ctx, unsigned char *key, size_t *keylen);
  EVP_PKEY_derive: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** What only OpenSSL 3 has. */
const VERSION_3_SYMBOLS = {
  // FFI: EVP_CIPHER *EVP_CIPHER_fetch(OSSL_LIB_CTX *ctx, const char *algorithm, const char *properties);
  EVP_CIPHER_fetch: { parameters: ["pointer", "buffer", "pointer"], result: "pointer" },
  EVP_CIPHER_free: { parameters: ["pointer"], result: "void" },
  // FFI: EVP_MD *EVP_MD_fetch(OSSL_LIB_CTX *ctx, const char *algorithm, const char *properties);
  EVP_MD_fetch: { parameters: ["pointer", "buffer", "pointer"], result: "pointer" },
  EVP_MD_free: { parameters: ["pointer"], result: "void" },

  // FFI: EVP_MAC *EVP_MAC_fetch(OSSL_LIB_CTX *libctx, const char *algorithm, const char *properties);
  EVP_MAC_fetch: { parameters: ["pointer", "buffer", "pointer"], result: "pointer" },
  EVP_MAC_free: { parameters: ["pointer"], result: "void" },
  // FFI: EVP_MAC_CTX *EVP_MAC_CTX_new(EVP_MAC *mac);
  EVP_MAC_CTX_new: { parameters: ["pointer"], result: "pointer" },
  EVP_MAC_CTX_free: { parameters: ["pointer"], result: "void" },
  // FFI: int EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t keylen, const OSSL_PARAM params[]);
  EVP_MAC_init: { parameters: ["pointer", "buffer", "usize", "buffer"], result: "i32" },
  // FFI: int EVP_MAC_update(EVP_MAC_CTX *ctx, const unsigned char *data, size_t datalen);
  EVP_MAC_update: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  // FFI: int EVP_MAC_final(EVP_MAC_CTX *ctx, unsigned char *out, size_t *outl, size_t outsize);
  EVP_MAC_final: { parameters: ["pointer", "buffer", "buffer", "usize"], result: "i32" },

  // The same for packets, with addresses as `pointer`.
  packetMacInit: { name: "EVP_MAC_init", parameters: ["pointer", "pointer", "u32", "pointer"], result: "i32" },
  packetMac: { name: "EVP_MAC_update", parameters: ["pointer", "pointer", "u32"], result: "i32" },
  packetMacEnd: { name: "EVP_MAC_final", parameters: ["pointer", "pointer", "pointer", "u32"], result: "i32" },
  // Of the C library that libcrypto brings along (dlsym(3)). FFI: void *memcpy(void *dest, const void *src, size_t n);
  memcpy: { parameters: ["pointer", "pointer", "u32"], result: "void" },

  // FFI: EVP_PKEY_CTX *EVP_PKEY_CTX_new_from_name(OSSL_LIB_CTX *libctx, const char *name, const char *propquery);
  EVP_PKEY_CTX_new_from_name: { parameters: ["pointer", "buffer", "pointer"], result: "pointer" },
  // FFI: int EVP_PKEY_fromdata_init(EVP_PKEY_CTX *ctx);
  EVP_PKEY_fromdata_init: { parameters: ["pointer"], result: "i32" },
  // FFI: int EVP_PKEY_fromdata(EVP_PKEY_CTX *ctx, EVP_PKEY **ppkey, int selection, OSSL_PARAM params[]);
  EVP_PKEY_fromdata: { parameters: ["pointer", "buffer", "i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Where the library is looked for, best first. */
export const LIBCRYPTO_NAMES: readonly string[] = ["libcrypto.so.3", "libcrypto.so.1.1"];

/** `OPENSSL_INIT_NO_ATEXIT` of openssl/crypto.h. */
const INIT_NO_ATEXIT = 0x0008_0000n;

/** The functions of every version. */
export type LibcryptoSymbols = Deno.StaticForeignLibraryInterface<typeof COMMON_SYMBOLS>;

/** The functions of version 3. */
export type Libcrypto3Symbols = Deno.StaticForeignLibraryInterface<typeof VERSION_3_SYMBOLS>;

/** The loaded library. Whatever was made by its functions is freed before it is disposed. */
export interface Libcrypto extends Disposable {
  /** The file name that loaded. */
  readonly fileName: string;
  readonly symbols: LibcryptoSymbols;
  /** `undefined` with OpenSSL 1.1. */
  readonly version3: Libcrypto3Symbols | undefined;
}

/**
 * Loads the first of `fileNames` that is there and has all symbols; `undefined` if none does or if the program may not
 * load libraries. Never throws.
 */
export function openLibcrypto(fileNames: readonly string[] = LIBCRYPTO_NAMES): Libcrypto | undefined {
  for (const fileName of fileNames) {
    const library = tryOpen(fileName, COMMON_SYMBOLS);
    if (!library) continue;
    // Without an exit handler that frees OpenSSL's tables while another thread is sealing a packet.
    library.symbols.OPENSSL_init_crypto(INIT_NO_ATEXIT, null);
    const version3 = tryOpen(fileName, VERSION_3_SYMBOLS);
    return {
      fileName,
      symbols: library.symbols,
      version3: version3?.symbols,
      [Symbol.dispose]() {
        version3?.close();
        library.close();
      },
    };
  }
  return undefined;
}

function tryOpen<Symbols extends Deno.ForeignLibraryInterface>(
  fileName: string,
  symbols: Symbols,
): Deno.DynamicLibrary<Symbols> | undefined {
  try {
    return Deno.dlopen(fileName, symbols);
  } catch {
    // Not installed, too old or not permitted: there is always noble.
    return undefined;
  }
}

/** The same bytes as FFI wants them typed: it takes views of ArrayBuffers only, and nothing here shares memory. */
export function native(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
