/**
 * One handshake computed straight down the page of the whitepaper (§5.4), both sides' knowledge in one hand, with
 * noble's primitives and nothing of `core/`. The engine must produce the same bytes.
 *
 * @module
 */
import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { blake2s } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";

/** What a handshake is computed from; all but numbers in hex. */
export interface PaperInput {
  readonly initiatorPrivate: string;
  readonly responderPrivate: string;
  readonly initiatorEphemeral: string;
  readonly responderEphemeral: string;
  readonly presharedKey: string;
  readonly timestamp: string;
  readonly initiatorIndex: number;
  readonly responderIndex: number;
  /** Plaintext of a packet in each direction, a multiple of 16 bytes. */
  readonly packet: string;
  readonly cookieSecret: string;
  readonly cookieNonce: string;
  /** The 24 bytes by which Weft names the initiator's address. */
  readonly initiatorAddress: string;
}

/** What comes of it, in hex. */
export interface PaperOutput {
  readonly initiation: string;
  readonly response: string;
  /** Transport messages, counter 0 each way, then an empty one from the initiator with counter 1. */
  readonly initiatorPacket: string;
  readonly responderPacket: string;
  readonly initiatorKeepalive: string;
  /** The responder's cookie for the initiation, and the initiation's mac2 made with it. */
  readonly cookieReply: string;
  readonly mac2: string;
}

const hash = (...parts: Uint8Array[]): Uint8Array => blake2s(concat(...parts));
const mac = (key: Uint8Array, data: Uint8Array) => blake2s(data, { key, dkLen: 16 });
const nonce = (counter: number) => concat(new Uint8Array(4), little(counter, 8));
const aead = (key: Uint8Array, counter: number, plain: Uint8Array, text: Uint8Array) =>
  chacha20poly1305(key, nonce(counter), text).encrypt(plain);
const dh = (secret: Uint8Array, point: Uint8Array) => x25519.getSharedSecret(secret, point);
const ascii = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) => Uint8Array.fromHex(text);
const EMPTY = new Uint8Array(0);

function kdf(count: 1 | 2 | 3, key: Uint8Array, input: Uint8Array): Uint8Array[] {
  const t0 = hmac(blake2s, key, input);
  const out: Uint8Array[] = [];
  for (let i = 1; i <= count; i++) out.push(hmac(blake2s, t0, concat(out.at(-1) ?? EMPTY, Uint8Array.of(i))));
  return out;
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function little(value: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

/** Runs down the page. */
export function computeHandshake(input: PaperInput): PaperOutput {
  const si = hex(input.initiatorPrivate);
  const siPub = x25519.getPublicKey(si);
  const sr = hex(input.responderPrivate);
  const srPub = x25519.getPublicKey(sr);
  const ei = hex(input.initiatorEphemeral);
  const eiPub = x25519.getPublicKey(ei);
  const er = hex(input.responderEphemeral);
  const erPub = x25519.getPublicKey(er);

  // §5.4.2 First message: initiator to responder
  let c = hash(ascii("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"));
  let h = hash(c, ascii("WireGuard v1 zx2c4 Jason@zx2c4.com"));
  h = hash(h, srPub);
  c = kdf(1, c, eiPub)[0]!;
  h = hash(h, eiPub);
  let [c1, k] = kdf(2, c, dh(ei, srPub));
  const msgStatic = aead(k!, 0, siPub, h);
  h = hash(h, msgStatic);
  [c1, k] = kdf(2, c1!, dh(si, srPub));
  const msgTimestamp = aead(k!, 0, hex(input.timestamp), h);
  h = hash(h, msgTimestamp);
  const initiationA = concat(hex("01000000"), little(input.initiatorIndex, 4), eiPub, msgStatic, msgTimestamp);
  const initiationB = concat(initiationA, mac(hash(ascii("mac1----"), srPub), initiationA));
  const initiation = concat(initiationB, new Uint8Array(16));

  // §5.4.3 Second message: responder to initiator
  c = kdf(1, c1!, erPub)[0]!;
  h = hash(h, erPub);
  c = kdf(1, c, dh(er, eiPub))[0]!;
  c = kdf(1, c, dh(er, siPub))[0]!;
  const [c3, tau, k3] = kdf(3, c, hex(input.presharedKey));
  h = hash(h, tau!);
  const msgEmpty = aead(k3!, 0, EMPTY, h);
  h = hash(h, msgEmpty);
  const indices = concat(little(input.responderIndex, 4), little(input.initiatorIndex, 4));
  const responseA = concat(hex("02000000"), indices, erPub, msgEmpty);
  const response = concat(responseA, mac(hash(ascii("mac1----"), siPub), responseA), new Uint8Array(16));

  // §5.4.5 Transport data key derivation, §5.4.6 subsequent messages
  const [toResponder, toInitiator] = kdf(2, c3!, EMPTY);
  const transport = (key: Uint8Array, index: number, counter: number, plain: Uint8Array) =>
    concat(hex("04000000"), little(index, 4), little(counter, 8), aead(key, counter, plain, EMPTY));

  // §5.4.7 Cookie reply, §5.4.4 mac2
  const cookie = mac(hex(input.cookieSecret), hex(input.initiatorAddress));
  const mac1 = initiationB.subarray(-16);
  const sealedCookie = xchacha20poly1305(hash(ascii("cookie--"), srPub), hex(input.cookieNonce), mac1).encrypt(cookie);
  const cookieReply = concat(hex("03000000"), little(input.initiatorIndex, 4), hex(input.cookieNonce), sealedCookie);

  return {
    initiation: initiation.toHex(),
    response: response.toHex(),
    initiatorPacket: transport(toResponder!, input.responderIndex, 0, hex(input.packet)).toHex(),
    responderPacket: transport(toInitiator!, input.initiatorIndex, 0, hex(input.packet)).toHex(),
    initiatorKeepalive: transport(toResponder!, input.responderIndex, 1, EMPTY).toHex(),
    cookieReply: cookieReply.toHex(),
    mac2: mac(cookie, initiationB).toHex(),
  };
}
