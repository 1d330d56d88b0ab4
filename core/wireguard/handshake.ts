/**
 * The handshake between this node and one peer (whitepaper §5.4.2 to §5.4.5).
 *
 * An initiator waits for the answer in the state `initiated`. A responder has nothing to wait for: reading the
 * initiation, answering it and deriving the session are one step, and the session itself waits in its slot until the
 * initiator has confirmed it. So initiating and responding do not disturb each other when both sides start at once.
 *
 * Leaves out: MACs and cookies (`cookie.ts`), which answers are wanted (`handshake_receiver.ts`), when to retry
 * (`timers.ts`).
 *
 * @module
 */
import { wipe } from "../bytes/constant_time.ts";
import { type CryptoSuite, X25519_BYTES } from "../crypto/suite.ts";
import type { Random } from "../seams/random.ts";
import type { DropReason } from "./drop_reason.ts";
import { INITIATION, INITIATION_TYPE, readIndex, RESPONSE, RESPONSE_TYPE, writeIndex, writeType } from "./messages.ts";
import {
  ephemeralOf,
  type KeyPair,
  NoiseState,
  readInitiator,
  readResponse,
  readTimestamp,
  writeInitiation,
  writeResponse,
} from "./noise.ts";

/** What this node's side of the handshake is waiting for. */
export type Handshake = NoHandshake | InitiatedHandshake;

/** Nothing. */
export interface NoHandshake {
  readonly kind: "none";
}

/** The response to our initiation. */
export interface InitiatedHandshake {
  readonly kind: "initiated";
  /** The index that the response will name. */
  readonly localIndex: number;
  readonly ephemeral: KeyPair;
  /** The state after the initiation. */
  readonly noise: NoiseState;
}

/** The state of a peer without a handshake under way. */
export const NO_HANDSHAKE: NoHandshake = { kind: "none" };

/** The other side as a handshake needs it. */
export interface RemoteParty {
  readonly publicKey: Uint8Array;
  /** The shared secret of both static keys. */
  readonly staticSecret: Uint8Array;
  /** 32 bytes, zeros if there is none. */
  readonly presharedKey: Uint8Array;
}

/** What a handshake ends with. Holds secrets: wipe both keys once they are in a session. */
export interface SessionKeys {
  readonly isInitiator: boolean;
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

/** An initiation read as far as the initiator's name. */
export interface OpenedInitiation {
  readonly noise: NoiseState;
  /** The public key that the initiator claims, 32 bytes; proved by {@linkcode proveInitiator}. */
  readonly claimedKey: Uint8Array;
}

/**
 * Starts a handshake: fills all of `message` but the MACs.
 *
 * @returns `undefined` if the peer's public key is of low order.
 */
export function initiate(
  suite: CryptoSuite,
  random: Random,
  own: KeyPair,
  remote: RemoteParty,
  localIndex: number,
  timestamp: Uint8Array,
  message: Uint8Array,
): InitiatedHandshake | undefined {
  const ephemeral = generateKeyPair(suite, random);
  const noise = NoiseState.start(suite, remote.publicKey);
  writeType(message, 0, INITIATION_TYPE);
  writeIndex(message, INITIATION.sender, localIndex);
  if (!writeInitiation(noise, own, ephemeral, remote.publicKey, remote.staticSecret, timestamp, message)) {
    endHandshake({ kind: "initiated", localIndex, ephemeral, noise });
    return undefined;
  }
  return { kind: "initiated", localIndex, ephemeral, noise };
}

/** Reads who claims to have sent an initiation. Borrows. */
export function openInitiation(suite: CryptoSuite, own: KeyPair, message: Uint8Array): OpenedInitiation | DropReason {
  const noise = NoiseState.start(suite, own.publicKey);
  const claimedKey = readInitiator(noise, own, message);
  if (typeof claimedKey !== "string") return { noise, claimedKey };
  noise[Symbol.dispose]();
  return claimedKey;
}

/** Checks the claim against the peer's keys: the initiation's TAI64N timestamp, 12 bytes. Borrows. */
export function proveInitiator(
  opened: OpenedInitiation,
  remote: RemoteParty,
  message: Uint8Array,
): Uint8Array | DropReason {
  return readTimestamp(opened.noise, remote.staticSecret, message);
}

/** Answers a proved initiation: fills all of `response` but the MACs. `opened` is then of no more use. */
export function respond(
  suite: CryptoSuite,
  random: Random,
  opened: OpenedInitiation,
  remote: RemoteParty,
  localIndex: number,
  initiation: Uint8Array,
  response: Uint8Array,
): SessionKeys | DropReason {
  const ephemeral = generateKeyPair(suite, random);
  const remoteIndex = readIndex(initiation, INITIATION.sender);
  const remoteEphemeral = ephemeralOf(initiation, INITIATION.ephemeral);
  writeType(response, 0, RESPONSE_TYPE);
  writeIndex(response, RESPONSE.sender, localIndex);
  writeIndex(response, RESPONSE.receiver, remoteIndex);
  const isWritten = writeResponse(
    opened.noise,
    ephemeral,
    remoteEphemeral,
    remote.publicKey,
    remote.presharedKey,
    response,
  );
  wipe(ephemeral.privateKey);
  if (!isWritten) return "low-order-key";
  const [receiveKey, sendKey] = opened.noise.split();
  return { isInitiator: false, localIndex, remoteIndex, sendKey, receiveKey };
}

/** Reads the answer to our initiation; a forged one leaves `handshake` as it was. Borrows. */
export function finish(
  own: KeyPair,
  handshake: InitiatedHandshake,
  remote: RemoteParty,
  response: Uint8Array,
): SessionKeys | DropReason {
  using noise = handshake.noise.fork();
  const refusal = readResponse(noise, own, handshake.ephemeral, remote.presharedKey, response);
  if (refusal !== undefined) return refusal;
  const remoteIndex = readIndex(response, RESPONSE.sender);
  const [sendKey, receiveKey] = noise.split();
  return { isInitiator: true, localIndex: handshake.localIndex, remoteIndex, sendKey, receiveKey };
}

/** Wipes the secrets of a handshake that is done or given up. */
export function endHandshake(handshake: Handshake): void {
  if (handshake.kind === "none") return;
  wipe(handshake.ephemeral.privateKey);
  handshake.noise[Symbol.dispose]();
}

function generateKeyPair(suite: CryptoSuite, random: Random): KeyPair {
  const privateKey = new Uint8Array(X25519_BYTES);
  random.fill(privateKey);
  return { privateKey, publicKey: suite.x25519.publicKey(privateKey) };
}
