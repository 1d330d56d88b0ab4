/**
 * This node's static key (whitepaper §5.4, S) in the form that handshakes use.
 *
 * @module
 */
import type { CryptoSuite } from "../crypto/suite.ts";
import { PublicKey } from "../keys/public_key.ts";
import type { PrivateKey } from "../keys/private_key.ts";
import { wipe } from "../bytes/constant_time.ts";
import type { KeyPair } from "./noise.ts";

/** A static key pair. Holds the secret: dispose of it when the key changes. */
export class Identity implements Disposable {
  /** The public half as a value. */
  readonly key: PublicKey;
  /** Both halves as bytes, for the handshake alone; not to be kept. */
  readonly pair: KeyPair;

  /** Copies the secret out of `privateKey`, which stays the caller's. */
  constructor(suite: CryptoSuite, privateKey: PrivateKey) {
    const secret = privateKey.reveal();
    const publicKey = suite.x25519.publicKey(secret);
    this.pair = { privateKey: secret, publicKey };
    this.key = PublicKey.of(publicKey);
  }

  /** Wipes the secret. */
  [Symbol.dispose](): void {
    wipe(this.pair.privateKey);
  }
}
