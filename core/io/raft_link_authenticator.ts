/**
 * Who is at the other end of a link: keyed BLAKE2s (RFC 7693 §2.9) and ChaCha20-Poly1305 (RFC 8439) under keys from the
 * X25519 shared secret (RFC 7748 §6.1) of the two nodes' static WireGuard keys.
 *
 * ```text
 * pair key     = Keyed-BLAKE2s(X25519(own private, peer's public), "weft raft link 1")
 * MAC          = Keyed-BLAKE2s(pair key, label || 0 || data)
 * session key  = MAC with the label "session" and the handshake's transcript, which holds a nonce of each side
 * ```
 *
 * Leaves out forward secrecy: who records a link and later gets a private key of either side can read the recording.
 * Links run inside the tunnel where there is one, which has it.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { wipe } from "../bytes/constant_time.ts";
import { type AeadKey, type CryptoSuite, TAG_BYTES } from "../crypto/suite.ts";
import type { PrivateKey } from "../keys/private_key.ts";
import type { PublicKey } from "../keys/public_key.ts";
import { FRAME_BYTES_MAX } from "./raft_link_limits.ts";

/** Bytes of a MAC. */
export const LINK_MAC_BYTES = 32;
/** Keys of so many peers are kept at hand: of a thousand followers that all come back at once. */
export const PAIR_KEYS_MAX = 1024;

/** What is authenticated; keeps the MACs of one purpose from serving another. */
export type LinkMacLabel = "hello" | "welcome" | "session" | "left-behind";

/** What the links need to know of keys. */
export interface LinkAuthenticator {
  /**
   * {@linkcode LINK_MAC_BYTES} bytes over `data` under the key that only this node and the holder of `peer` can compute;
   * `undefined` if `peer` is a key that nobody can hold (RFC 7748 §6.1). Borrows `data`.
   */
  mac(peer: PublicKey, label: LinkMacLabel, data: Uint8Array): Uint8Array | undefined;
  /** The key for the frames of one connection, whose dialer seals and whose acceptor opens. Borrows `transcript`. */
  sessionKey(peer: PublicKey, transcript: Uint8Array): AeadKey | undefined;
}

const CONTEXT = new TextEncoder().encode("weft raft link 1");

/** The authenticator of the node that holds `privateKey`; both stay the caller's. Disposing wipes the derived keys. */
export class NodeAuthenticator implements LinkAuthenticator, Disposable {
  readonly #suite: CryptoSuite;
  readonly #privateKey: PrivateKey;
  /** By public key, the one used longest ago first. */
  readonly #pairKeys = new Map<string, Uint8Array>();

  constructor(suite: CryptoSuite, privateKey: PrivateKey) {
    this.#suite = suite;
    this.#privateKey = privateKey;
  }

  mac(peer: PublicKey, label: LinkMacLabel, data: Uint8Array): Uint8Array | undefined {
    const key = this.#pairKey(peer);
    if (!key) return undefined;
    const labelled = new Uint8Array(label.length + 1 + data.length);
    new TextEncoder().encodeInto(label, labelled);
    labelled.set(data, label.length + 1);
    return this.#suite.blake2s.mac(key, labelled, LINK_MAC_BYTES);
  }

  sessionKey(peer: PublicKey, transcript: Uint8Array): AeadKey | undefined {
    const key = this.mac(peer, "session", transcript);
    if (!key) return undefined;
    try {
      return this.#suite.aeadKey(key, FRAME_BYTES_MAX - TAG_BYTES);
    } finally {
      wipe(key);
    }
  }

  [Symbol.dispose](): void {
    wipe(...this.#pairKeys.values());
    this.#pairKeys.clear();
  }

  #pairKey(peer: PublicKey): Uint8Array | undefined {
    const name = peer.toString();
    const known = this.#pairKeys.get(name);
    const key = known ?? this.#computePairKey(peer);
    if (!key) return undefined;
    this.#pairKeys.delete(name);
    this.#pairKeys.set(name, key);
    for (const [oldest, oldKey] of this.#pairKeys) {
      if (this.#pairKeys.size <= PAIR_KEYS_MAX) break;
      this.#pairKeys.delete(oldest);
      wipe(oldKey);
    }
    return key;
  }

  #computePairKey(peer: PublicKey): Uint8Array | undefined {
    const secret = this.#privateKey.reveal();
    const shared = this.#suite.x25519.sharedSecret(secret, peer.bytes);
    wipe(secret);
    if (!shared) return undefined;
    const key = this.#suite.blake2s.mac(shared, CONTEXT, LINK_MAC_BYTES);
    wipe(shared);
    assert(key.length === LINK_MAC_BYTES, "A pair key is a whole digest");
    return key;
  }
}
