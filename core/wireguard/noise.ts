/**
 * Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as WireGuard uses it (whitepaper §5.4.2 and §5.4.3; Noise §5.2 and §9).
 *
 * A running hash H of everything said and a chaining key C of everything agreed on. Each function below is one message
 * written or read; the comments at the right are the tokens of the Noise pattern:
 *
 * ```text
 * <- s
 * ...
 * -> e, es, s, ss, {timestamp}
 * <- e, ee, se, psk, {}
 * ```
 *
 * Leaves out: who the peer is, indices and MACs, which are `handshake.ts` and `cookie.ts`.
 *
 * @module
 */
import { kdf1, kdf2, kdf3 } from "../crypto/hkdf.ts";
import { type CryptoSuite, NONCE_BYTES, X25519_BYTES } from "../crypto/suite.ts";
import { wipe } from "../bytes/constant_time.ts";
import { assert } from "../assert.ts";
import type { DropReason } from "./drop_reason.ts";
import { INITIATION, RESPONSE } from "./messages.ts";

const UTF8 = new TextEncoder();
const CONSTRUCTION = UTF8.encode("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s");
const IDENTIFIER = UTF8.encode("WireGuard v1 zx2c4 Jason@zx2c4.com");
const NOTHING = new Uint8Array(0);
/** Every handshake key encrypts once, so the nonce is always zero. */
const ZERO_NONCE = new Uint8Array(NONCE_BYTES);

/** An X25519 key pair, 32 bytes each. */
export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** Hash, chaining key and the key in force. Holds secrets: whoever ends it disposes of it. */
export class NoiseState implements Disposable {
  readonly #suite: CryptoSuite;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #key: Uint8Array | undefined;

  private constructor(suite: CryptoSuite, chainingKey: Uint8Array, hash: Uint8Array) {
    this.#suite = suite;
    this.#chainingKey = chainingKey;
    this.#hash = hash;
  }

  /** The state before the first message: the protocol's name and `<- s`. Borrows. */
  static start(suite: CryptoSuite, responderPublicKey: Uint8Array): NoiseState {
    const chainingKey = suite.blake2s.hash(CONSTRUCTION);
    const hash = suite.blake2s.hash(suite.blake2s.hash(chainingKey, IDENTIFIER), responderPublicKey);
    return new NoiseState(suite, chainingKey, hash);
  }

  /** A copy to try a message on: a forged one must not spoil the original. */
  fork(): NoiseState {
    assert(this.#key === undefined, "A handshake forks between messages");
    return new NoiseState(this.#suite, this.#chainingKey.slice(), this.#hash.slice());
  }

  /** H := Hash(H || data). Borrows. */
  mixHash(data: Uint8Array): void {
    this.#hash = this.#suite.blake2s.hash(this.#hash, data);
  }

  /** C := Kdf1(C, input). Borrows. */
  mixChain(input: Uint8Array): void {
    this.#become(kdf1(this.#suite.blake2s, this.#chainingKey, input), undefined);
  }

  /** (C, k) := Kdf2(C, input). Borrows. */
  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = kdf2(this.#suite.blake2s, this.#chainingKey, input);
    this.#become(chainingKey, key);
  }

  /** (C, t, k) := Kdf3(C, psk), H := Hash(H || t). Borrows. */
  mixPresharedKey(presharedKey: Uint8Array): void {
    const [chainingKey, tag, key] = kdf3(this.#suite.blake2s, this.#chainingKey, presharedKey);
    this.#become(chainingKey, key);
    this.mixHash(tag);
  }

  /** The shared secret of two keys, to be mixed by `mix` and wiped. False if the public key is of low order. */
  mixSecret(privateKey: Uint8Array, publicKey: Uint8Array, mix: "key" | "chain"): boolean {
    const secret = this.#suite.x25519.sharedSecret(privateKey, publicKey);
    if (secret === undefined) return false;
    if (mix === "key") this.mixKey(secret);
    else this.mixChain(secret);
    wipe(secret);
    return true;
  }

  /** Aead(k, 0, plaintext, H), mixed into H. Borrows. */
  seal(plaintext: Uint8Array): Uint8Array {
    const key = this.#takeKey();
    const ciphertext = this.#suite.chacha20Poly1305.seal(key, ZERO_NONCE, this.#hash, plaintext);
    wipe(key);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** The plaintext, `undefined` if the tag is wrong; the state is then of no more use. Borrows. */
  open(ciphertext: Uint8Array): Uint8Array | undefined {
    const key = this.#takeKey();
    const plaintext = this.#suite.chacha20Poly1305.open(key, ZERO_NONCE, this.#hash, ciphertext);
    wipe(key);
    this.mixHash(ciphertext);
    return plaintext;
  }

  /** The transport keys, Kdf2(C, nothing): initiator to responder, responder to initiator (§5.4.5). */
  split(): [Uint8Array, Uint8Array] {
    return kdf2(this.#suite.blake2s, this.#chainingKey, NOTHING);
  }

  /** Wipes the secrets. */
  [Symbol.dispose](): void {
    wipe(this.#chainingKey, this.#hash);
    if (this.#key) wipe(this.#key);
  }

  #become(chainingKey: Uint8Array, key: Uint8Array | undefined): void {
    wipe(this.#chainingKey);
    if (this.#key) wipe(this.#key);
    this.#chainingKey = chainingKey;
    this.#key = key;
  }

  /** A key encrypts once. */
  #takeKey(): Uint8Array {
    const key = this.#key;
    assert(key !== undefined, "A key is agreed on before it is used");
    this.#key = undefined;
    return key;
  }
}

/**
 * The initiator's message: fills the ephemeral, static and timestamp fields of `message`.
 *
 * @param staticSecret The shared secret of both static keys, computed once per peer.
 * @returns False if the responder's public key is of low order.
 */
export function writeInitiation(
  noise: NoiseState,
  own: KeyPair,
  ephemeral: KeyPair,
  responderPublicKey: Uint8Array,
  staticSecret: Uint8Array,
  timestamp: Uint8Array,
  message: Uint8Array,
): boolean {
  message.set(ephemeral.publicKey, INITIATION.ephemeral); // e
  noise.mixChain(ephemeral.publicKey);
  noise.mixHash(ephemeral.publicKey);
  if (!noise.mixSecret(ephemeral.privateKey, responderPublicKey, "key")) return false; // es
  message.set(noise.seal(own.publicKey), INITIATION.static); // s
  noise.mixKey(staticSecret); // ss
  message.set(noise.seal(timestamp), INITIATION.timestamp); // {timestamp}
  return true;
}

/** The responder reads up to `s`: the initiator's public key, 32 bytes, as it claims. */
export function readInitiator(noise: NoiseState, own: KeyPair, message: Uint8Array): Uint8Array | DropReason {
  const ephemeral = ephemeralOf(message, INITIATION.ephemeral); // e
  noise.mixChain(ephemeral);
  noise.mixHash(ephemeral);
  if (!noise.mixSecret(own.privateKey, ephemeral, "key")) return "low-order-key"; // es
  return noise.open(message.subarray(INITIATION.static, INITIATION.timestamp)) ?? "handshake-unauthentic"; // s
}

/** The responder reads the rest, which proves the initiator's public key: the timestamp, 12 bytes. */
export function readTimestamp(
  noise: NoiseState,
  staticSecret: Uint8Array,
  message: Uint8Array,
): Uint8Array | DropReason {
  noise.mixKey(staticSecret); // ss
  return noise.open(message.subarray(INITIATION.timestamp, INITIATION.mac1)) ?? "handshake-unauthentic"; // {timestamp}
}

/**
 * The responder's message: fills the ephemeral and empty fields of `message`.
 *
 * @returns False if one of the initiator's public keys is of low order.
 */
export function writeResponse(
  noise: NoiseState,
  ephemeral: KeyPair,
  initiatorEphemeral: Uint8Array,
  initiatorPublicKey: Uint8Array,
  presharedKey: Uint8Array,
  message: Uint8Array,
): boolean {
  message.set(ephemeral.publicKey, RESPONSE.ephemeral); // e
  noise.mixChain(ephemeral.publicKey);
  noise.mixHash(ephemeral.publicKey);
  if (!noise.mixSecret(ephemeral.privateKey, initiatorEphemeral, "chain")) return false; // ee
  if (!noise.mixSecret(ephemeral.privateKey, initiatorPublicKey, "chain")) return false; // se
  noise.mixPresharedKey(presharedKey); // psk
  message.set(noise.seal(NOTHING), RESPONSE.empty); // {}
  return true;
}

/** The initiator reads the response; `undefined` if all is well. */
export function readResponse(
  noise: NoiseState,
  own: KeyPair,
  ownEphemeral: KeyPair,
  presharedKey: Uint8Array,
  message: Uint8Array,
): DropReason | undefined {
  const ephemeral = ephemeralOf(message, RESPONSE.ephemeral); // e
  noise.mixChain(ephemeral);
  noise.mixHash(ephemeral);
  if (!noise.mixSecret(ownEphemeral.privateKey, ephemeral, "chain")) return "low-order-key"; // ee
  if (!noise.mixSecret(own.privateKey, ephemeral, "chain")) return "low-order-key"; // se
  noise.mixPresharedKey(presharedKey); // psk
  return noise.open(message.subarray(RESPONSE.empty, RESPONSE.mac1)) ? undefined : "handshake-unauthentic"; // {}
}

/** The ephemeral public key at `offset`, a view. */
export function ephemeralOf(message: Uint8Array, offset: number): Uint8Array {
  return message.subarray(offset, offset + X25519_BYTES);
}
