/**
 * The two MACs that end handshake messages, and cookies (whitepaper §5.3, §5.4.4, §5.4.7).
 *
 * mac1 proves that the sender knows our public key, so that strangers get no answer at all. mac2 proves, when we are
 * under load, that the sender receives what is sent to its source address: it is keyed with a cookie that we made from
 * that address and sent there, encrypted, while keeping no state.
 *
 * @module
 */
import { equalBytes, wipe } from "../bytes/constant_time.ts";
import { type CryptoSuite, XNONCE_BYTES } from "../crypto/suite.ts";
import type { Endpoint } from "../ip/endpoint.ts";
import type { Random } from "../seams/random.ts";
import { COOKIE_LIFE_MS } from "./constants.ts";
import type { DropReason } from "./drop_reason.ts";
import {
  COOKIE_BYTES,
  COOKIE_REPLY,
  COOKIE_REPLY_TYPE,
  MAC_BYTES,
  readIndex,
  writeIndex,
  writeType,
} from "./messages.ts";

const UTF8 = new TextEncoder();
const LABEL_MAC1 = UTF8.encode("mac1----");
const LABEL_COOKIE = UTF8.encode("cookie--");
/** Both handshake messages name their sender at the same place. */
const SENDER_OFFSET = 4;

/** Checks the MACs of handshake messages sent to us, and makes cookies. */
export class CookieChecker implements Disposable {
  readonly #suite: CryptoSuite;
  readonly #random: Random;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  readonly #secret = new Uint8Array(32);
  #secretEndsMs = -Infinity;

  /** Borrows `ownPublicKey`. */
  constructor(suite: CryptoSuite, random: Random, ownPublicKey: Uint8Array) {
    this.#suite = suite;
    this.#random = random;
    this.#mac1Key = suite.blake2s.hash(LABEL_MAC1, ownPublicKey);
    this.#cookieKey = suite.blake2s.hash(LABEL_COOKIE, ownPublicKey);
  }

  /** True if the sender of this whole handshake message knows our public key. Borrows. */
  hasValidMac1(message: Uint8Array): boolean {
    const mac1At = message.length - 2 * MAC_BYTES;
    const expected = this.#suite.blake2s.mac(this.#mac1Key, message.subarray(0, mac1At), MAC_BYTES);
    return equalBytes(expected, message.subarray(mac1At, mac1At + MAC_BYTES));
  }

  /** True if the sender of this whole handshake message has read a cookie sent to `from` of late. Borrows. */
  hasValidMac2(message: Uint8Array, from: Endpoint, nowMs: number): boolean {
    const mac2At = message.length - MAC_BYTES;
    const expected = this.#suite.blake2s.mac(this.#cookieFor(from, nowMs), message.subarray(0, mac2At), MAC_BYTES);
    return equalBytes(expected, message.subarray(mac2At));
  }

  /** Answers a whole handshake message with valid mac1: fills the 64 bytes of `reply`. Borrows `message` and `from`. */
  writeReply(message: Uint8Array, from: Endpoint, nowMs: number, reply: Uint8Array): void {
    const nonce = reply.subarray(COOKIE_REPLY.nonce, COOKIE_REPLY.nonce + XNONCE_BYTES);
    const mac1 = message.subarray(message.length - 2 * MAC_BYTES, message.length - MAC_BYTES);
    writeType(reply, 0, COOKIE_REPLY_TYPE);
    writeIndex(reply, COOKIE_REPLY.receiver, readIndex(message, SENDER_OFFSET));
    this.#random.fill(nonce);
    reply.set(
      this.#suite.xchacha20Poly1305.seal(this.#cookieKey, nonce, mac1, this.#cookieFor(from, nowMs)),
      COOKIE_REPLY.cookie,
    );
  }

  /** Wipes the secret. */
  [Symbol.dispose](): void {
    wipe(this.#secret);
    this.#secretEndsMs = -Infinity;
  }

  /** A MAC of the source address under a secret that changes every two minutes. */
  #cookieFor(from: Endpoint, nowMs: number): Uint8Array {
    if (nowMs >= this.#secretEndsMs) {
      this.#random.fill(this.#secret);
      this.#secretEndsMs = nowMs + COOKIE_LIFE_MS;
    }
    return this.#suite.blake2s.mac(this.#secret, from.bytes, COOKIE_BYTES);
  }
}

/** Writes the MACs of handshake messages to one peer, and keeps the cookie that the peer sent. */
export class MacWriter implements Disposable {
  readonly #suite: CryptoSuite;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  /** mac1 of the last message, `undefined` once a cookie reply has answered it. */
  #unansweredMac1: Uint8Array | undefined;
  #cookie: Uint8Array | undefined;
  #cookieEndsMs = -Infinity;

  /** Borrows `peerPublicKey`. */
  constructor(suite: CryptoSuite, peerPublicKey: Uint8Array) {
    this.#suite = suite;
    this.#mac1Key = suite.blake2s.hash(LABEL_MAC1, peerPublicKey);
    this.#cookieKey = suite.blake2s.hash(LABEL_COOKIE, peerPublicKey);
  }

  /** Fills the last 32 bytes of a whole handshake message: mac1, and mac2 if there is a fresh cookie. */
  write(message: Uint8Array, nowMs: number): void {
    const mac1At = message.length - 2 * MAC_BYTES;
    const mac2At = message.length - MAC_BYTES;
    const mac1 = this.#suite.blake2s.mac(this.#mac1Key, message.subarray(0, mac1At), MAC_BYTES);
    message.set(mac1, mac1At);
    this.#unansweredMac1 = mac1;
    if (this.#cookie === undefined || nowMs >= this.#cookieEndsMs) message.fill(0, mac2At);
    else message.set(this.#suite.blake2s.mac(this.#cookie, message.subarray(0, mac2At), MAC_BYTES), mac2At);
  }

  /** Takes the cookie from a whole cookie reply, once per message sent; `undefined` if all is well. Borrows. */
  readReply(reply: Uint8Array, nowMs: number): DropReason | undefined {
    const mac1 = this.#unansweredMac1;
    if (mac1 === undefined) return "cookie-unexpected";
    const nonce = reply.subarray(COOKIE_REPLY.nonce, COOKIE_REPLY.cookie);
    const sealed = reply.subarray(COOKIE_REPLY.cookie);
    const cookie = this.#suite.xchacha20Poly1305.open(this.#cookieKey, nonce, mac1, sealed);
    if (cookie === undefined) return "cookie-invalid";
    this.#cookie = cookie;
    this.#cookieEndsMs = nowMs + COOKIE_LIFE_MS;
    this.#unansweredMac1 = undefined;
    return undefined;
  }

  /** Forgets the cookie. */
  [Symbol.dispose](): void {
    if (this.#cookie) wipe(this.#cookie);
    this.#cookie = undefined;
    this.#unansweredMac1 = undefined;
  }
}
