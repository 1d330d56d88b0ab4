import assert from "node:assert/strict";
import { LibcryptoAead, LibcryptoAeadKey, LibcryptoCipher } from "../../../core/io/libcrypto_aead.ts";
import { LibcryptoBlake2s } from "../../../core/io/libcrypto_blake2s.ts";
import { type Libcrypto, openLibcrypto } from "../../../core/io/libcrypto_ffi.ts";
import { LibcryptoX25519 } from "../../../core/io/libcrypto_x25519.ts";

const KEY = new Uint8Array(32).fill(1);

/** The library, open for the life of the test process. */
const library = openLibcrypto();
const ignore = library === undefined;
if (ignore) console.log("Tests of libcrypto's memory are skipped: it does not load");

/** `library` with a count of the objects that it made and nobody has freed. */
function counted({ fileName, symbols: c, version3: v }: Libcrypto): Libcrypto & { readonly live: Set<bigint> } {
  const live = new Set<bigint>();
  const made = (pointer: Deno.PointerValue): Deno.PointerValue => {
    if (pointer !== null) live.add(Deno.UnsafePointer.value(pointer));
    return pointer;
  };
  const freed = (pointer: Deno.PointerValue): Deno.PointerValue => {
    if (pointer !== null) assert(live.delete(Deno.UnsafePointer.value(pointer)), "freed once, and made before");
    return pointer;
  };
  return {
    fileName,
    live,
    symbols: {
      ...c,
      EVP_CIPHER_CTX_new: () => made(c.EVP_CIPHER_CTX_new()),
      EVP_CIPHER_CTX_free: (context) => c.EVP_CIPHER_CTX_free(freed(context)),
      EVP_MD_CTX_new: () => made(c.EVP_MD_CTX_new()),
      EVP_MD_CTX_free: (context) => c.EVP_MD_CTX_free(freed(context)),
      EVP_PKEY_new_raw_private_key: (...args) => made(c.EVP_PKEY_new_raw_private_key(...args)),
      EVP_PKEY_new_raw_public_key: (...args) => made(c.EVP_PKEY_new_raw_public_key(...args)),
      EVP_PKEY_free: (key) => c.EVP_PKEY_free(freed(key)),
      EVP_PKEY_CTX_new: (...args) => made(c.EVP_PKEY_CTX_new(...args)),
      EVP_PKEY_CTX_free: (context) => c.EVP_PKEY_CTX_free(freed(context)),
    },
    version3: v && {
      ...v,
      EVP_CIPHER_fetch: (...args) => made(v.EVP_CIPHER_fetch(...args)),
      EVP_CIPHER_free: (cipher) => v.EVP_CIPHER_free(freed(cipher)),
      EVP_MD_fetch: (...args) => made(v.EVP_MD_fetch(...args)),
      EVP_MD_free: (digest) => v.EVP_MD_free(freed(digest)),
      EVP_MAC_fetch: (...args) => made(v.EVP_MAC_fetch(...args)),
      EVP_MAC_free: (mac) => v.EVP_MAC_free(freed(mac)),
      EVP_MAC_CTX_new: (mac) => made(v.EVP_MAC_CTX_new(mac)),
      EVP_MAC_CTX_free: (context) => v.EVP_MAC_CTX_free(freed(context)),
      EVP_PKEY_CTX_new_from_name: (...args) => made(v.EVP_PKEY_CTX_new_from_name(...args)),
      EVP_PKEY_fromdata: (context, result, selection, params) => {
        const done = v.EVP_PKEY_fromdata(context, result, selection, params);
        assert(result instanceof BigUint64Array);
        made(Deno.UnsafePointer.create(result[0] ?? 0n));
        return done;
      },
    },
    [Symbol.dispose]() {},
  };
}

/** Runs `body` on libcrypto and on what of it OpenSSL 1.1 has, and checks that every object was freed. */
function testMemory(name: string, body: (library: Libcrypto & { readonly live: Set<bigint> }) => void): void {
  for (const version of ["as it is", "as 1.1"]) {
    Deno.test({
      name: `${name} (${version})`,
      ignore,
      fn() {
        assert(library);
        const tracked = counted(version === "as 1.1" ? { ...library, version3: undefined } : library);
        body(tracked);
        assert.equal(tracked.live.size, 0);
      },
    });
  }
}

testMemory("LibcryptoX25519: frees every key and context", (tracked) => {
  using x25519 = new LibcryptoX25519(tracked);
  const before = tracked.live.size;
  const point = x25519.publicKey(KEY);
  assert(x25519.sharedSecret(KEY, point));
  assert.equal(x25519.sharedSecret(KEY, new Uint8Array(32)), undefined);
  assert.equal(tracked.live.size, before);
});

testMemory("LibcryptoAeadKey: frees both contexts", (tracked) => {
  using cipher = new LibcryptoCipher(tracked);
  const before = tracked.live.size;
  const key = new LibcryptoAeadKey(cipher, KEY);
  assert.equal(tracked.live.size, before + 2);
  assert.equal(cipher.contextCount, 2);
  key[Symbol.dispose]();
  assert.equal(tracked.live.size, before);
  assert.equal(cipher.contextCount, 0);
});

testMemory("LibcryptoAead: frees both contexts", (tracked) => {
  using cipher = new LibcryptoCipher(tracked);
  using aead = new LibcryptoAead(cipher);
  const nonce = new Uint8Array(12);
  const before = tracked.live.size;
  assert.equal(aead.open(KEY, nonce, KEY, new Uint8Array(40)), undefined);
  assert(aead.open(KEY, nonce, KEY, aead.seal(KEY, nonce, KEY, KEY)));
  assert.equal(tracked.live.size, before);
});

testMemory("LibcryptoBlake2s: frees digest, mac and contexts", (tracked) => {
  using blake2s = new LibcryptoBlake2s(tracked);
  const before = tracked.live.size;
  assert.equal(blake2s.hash(KEY).length, 32);
  assert.equal(blake2s.hmac(KEY, KEY).length, 32);
  assert.equal(blake2s.mac(KEY, KEY, 16).length, 16);
  assert.equal(tracked.live.size, before);
});

Deno.test("openLibcrypto: undefined for a file that is missing or lacks the functions", () => {
  assert.equal(openLibcrypto([]), undefined);
  assert.equal(openLibcrypto(["libnothing.so.0", "libc.so.6"]), undefined);
});
