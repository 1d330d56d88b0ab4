/**
 * The suite over libcrypto: many times faster than noble on the packet path, wherever the library is installed.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { Aead, AeadKey, Blake2s, CryptoSuite, X25519 } from "../crypto/suite.ts";
import { extendNonce, LibcryptoAead, LibcryptoAeadKey, LibcryptoCipher } from "./libcrypto_aead.ts";
import { LibcryptoBlake2s } from "./libcrypto_blake2s.ts";
import { type Libcrypto, openLibcrypto } from "./libcrypto_ffi.ts";
import { LibcryptoPacketKey, PACKET_TEXT_BYTES_MAX, PacketCipher } from "./libcrypto_packet_key.ts";
import { LibcryptoX25519 } from "./libcrypto_x25519.ts";

/** All primitives over libcrypto. Belongs to one thread: calls share contexts. */
export class LibcryptoSuite implements CryptoSuite, Disposable {
  readonly name = "libcrypto";
  /** The file name that loaded, for the log. */
  readonly fileName: string;
  readonly x25519: X25519;
  readonly blake2s: Blake2s;
  readonly chacha20Poly1305: Aead;
  readonly xchacha20Poly1305: Aead;
  readonly #cipher: LibcryptoCipher;
  /** `undefined` with OpenSSL 1.1. */
  readonly #packets: PacketCipher | undefined;
  /** Contexts of the suite itself; any more belong to packet keys. */
  readonly #ownContextCount: number;
  readonly #resources: DisposableStack;

  /** Takes `resources`, which holds `library`. */
  private constructor(library: Libcrypto, resources: DisposableStack) {
    this.fileName = library.fileName;
    this.x25519 = resources.use(new LibcryptoX25519(library));
    this.blake2s = resources.use(new LibcryptoBlake2s(library));
    this.#cipher = resources.use(new LibcryptoCipher(library));
    this.#packets = resources.use(PacketCipher.open(library));
    this.chacha20Poly1305 = resources.use(new LibcryptoAead(this.#cipher));
    this.xchacha20Poly1305 = extendNonce(this.chacha20Poly1305);
    this.#ownContextCount = this.#cipher.contextCount;
    this.#resources = resources;
  }

  /** `undefined` when the library is not there or lacks an algorithm; see {@linkcode openLibcrypto}. Never throws. */
  static open(fileNames?: readonly string[]): LibcryptoSuite | undefined {
    const library = openLibcrypto(fileNames);
    if (!library) return undefined;
    const resources = new DisposableStack();
    resources.use(library);
    try {
      return new LibcryptoSuite(library, resources);
    } catch {
      // Built without one of the algorithms, as for FIPS.
      resources.dispose();
      return undefined;
    }
  }

  /** A packet key; dispose it before the suite. */
  aeadKey(key: Uint8Array, textBytesMax = PACKET_TEXT_BYTES_MAX): AeadKey {
    assert(!this.#resources.disposed, "A disposed suite is not used again");
    const packets = textBytesMax <= PACKET_TEXT_BYTES_MAX ? this.#packets : undefined;
    return packets ? new LibcryptoPacketKey(packets, key) : new LibcryptoAeadKey(this.#cipher, key);
  }

  /** Frees everything and unloads the library. */
  [Symbol.dispose](): void {
    if (this.#resources.disposed) return;
    const contextCount = this.#cipher.contextCount + (this.#packets?.contextCount ?? 0);
    assert(contextCount === this.#ownContextCount, "Packet keys are disposed before their suite");
    this.#resources.dispose();
  }
}
