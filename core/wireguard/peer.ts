/**
 * One peer: what the operator said of it, what it is to its users, and its whole state inside the engine.
 *
 * @module
 */
import { wipe } from "../bytes/constant_time.ts";
import { type CryptoSuite, X25519_BYTES } from "../crypto/suite.ts";
import type { Endpoint } from "../ip/endpoint.ts";
import type { Prefix } from "../ip/prefix.ts";
import type { PresharedKey } from "../keys/preshared_key.ts";
import type { PublicKey } from "../keys/public_key.ts";
import type { Scheduled } from "../time/deadlines.ts";
import type { Instant } from "../time/instant.ts";
import { TAI64N_BYTES } from "../time/tai64n.ts";
import type { PrefixOwner } from "./allowed_ips.ts";
import { MacWriter } from "./cookie.ts";
import { EndpointChoice } from "./endpoint_choice.ts";
import { endHandshake, type Handshake, type InitiatedHandshake, NO_HANDSHAKE, type RemoteParty } from "./handshake.ts";
import type { Identity } from "./identity.ts";
import type { EngineLimits } from "./limits.ts";
import { type QueueBudget, SendQueue } from "./send_queue.ts";
import type { Session } from "./session.ts";
import type { SessionIndex } from "./session_index.ts";
import { SessionSlots } from "./session_slots.ts";
import { PeerTimers } from "./timers.ts";

/** What is wanted of a peer. Everything is copied. */
export interface PeerConfig {
  readonly publicKey: PublicKey;
  /** Mixed into the next handshake; none if absent. Sessions that exist go on. */
  readonly presharedKey?: PresharedKey;
  /** Where to reach the peer until it is heard from elsewhere; without one the peer must speak first. */
  readonly endpoint?: Endpoint;
  /** Tried in turn while the peer has not answered from the current endpoint. */
  readonly alternateEndpoints: readonly Endpoint[];
  readonly allowedIps: readonly Prefix[];
  /** Longest silence towards the peer, 0 for no limit. */
  readonly persistentKeepaliveMs: number;
}

/**
 * What a peer can do now: `none` no keys and no attempt at any, `handshaking` an initiation waits for its answer,
 * `unconfirmed` our response waits for its first packet, `established` packets flow.
 */
export type SessionState = "none" | "handshaking" | "unconfirmed" | "established";

/**
 * What the driver knows of the path to a peer. The engine keeps it with the peer, so that the driver finds it without a
 * search, and pads no packet beyond what the path carries.
 */
export interface PeerPath {
  /** Longest IP packet that one datagram to the peer carries, Infinity while nobody has asked. */
  packetBytesMax: number;
  /** When the driver asks again, milliseconds of its monotonic clock. */
  staleAtMs: number;
  /** {@linkcode Peer.endpointChangeCount} when it asked. */
  endpointChangeCount: number;
}

/** A peer to the users of the engine: live values, to be read only. */
export interface Peer {
  readonly publicKey: PublicKey;
  /** Where messages to the peer go; family 0 while unknown. Copy it to keep it. */
  readonly endpoint: Endpoint;
  /** How often {@linkcode endpoint} became another one. */
  readonly endpointChangeCount: number;
  /** Belongs to the driver. */
  readonly path: PeerPath;
  readonly allowedIps: readonly Prefix[];
  readonly persistentKeepaliveMs: number;
  /** Whether handshakes mix in a preshared key. */
  readonly hasPresharedKey: boolean;
  /** Bytes of authentic messages received, as UDP payload. */
  readonly rxBytes: number;
  /** Bytes of messages sent, as UDP payload. */
  readonly txBytes: number;
  /** Wall clock of the last completed handshake, 0 if there was none. */
  readonly lastHandshakeWallMs: number;
  sessionState(nowMs: number): SessionState;
}

/** What a receiver index names: a handshake of ours, or the session that came of one. */
export interface IndexEntry {
  readonly peer: PeerState;
  /** `undefined` while the handshake waits for its response. */
  session: Session | undefined;
}

/** What peers of one engine share. */
export interface PeerSurroundings {
  readonly suite: CryptoSuite;
  readonly limits: EngineLimits;
  readonly index: SessionIndex<IndexEntry>;
  readonly queueBudget: QueueBudget;
}

/** A peer inside the engine. Not for its users. */
export class PeerState implements Peer, PrefixOwner, Scheduled, Disposable {
  readonly publicKey: PublicKey;
  readonly publicBytes: Uint8Array;
  readonly ownPrefixes: Map<string, Prefix> = new Map();
  readonly endpoints: EndpointChoice;
  readonly sessions: SessionSlots;
  readonly queue: SendQueue;
  readonly timers: PeerTimers = new PeerTimers();
  readonly path: PeerPath = { packetBytesMax: Infinity, staleAtMs: -Infinity, endpointChangeCount: 0 };
  deadlineMs = Infinity;
  deadlineSlot = -1;
  rxBytes = 0;
  txBytes = 0;
  lastHandshakeWallMs = 0;
  /** When the present attempt at a handshake began, for Rekey-Attempt-Time. */
  attemptStartedMs = -Infinity;
  /** When an initiation or response was sent last, for Rekey-Timeout. */
  lastHandshakeSentMs = -Infinity;
  /** When an initiation was accepted last. */
  lastInitiationMs = -Infinity;
  /** The timestamp of the last accepted initiation. */
  readonly lastTimestamp: Uint8Array = new Uint8Array(TAI64N_BYTES);
  /** Whether received data has already asked for the renewal of an ageing session. */
  hasRenewedOnReceive = false;
  /** Whether something may still hasten the next initiation, or has: once per Rekey-Timeout. */
  earlyRetry: "allowed" | "due" | "used" = "allowed";

  readonly #suite: CryptoSuite;
  readonly #index: SessionIndex<IndexEntry>;
  readonly #presharedKey = new Uint8Array(X25519_BYTES);
  #hasPresharedKey = false;
  #persistentKeepaliveMs = 0;
  #handshake: Handshake = NO_HANDSHAKE;
  #macs: MacWriter | undefined;
  #staticSecret: Uint8Array | undefined;

  constructor(publicKey: PublicKey, { suite, limits, index, queueBudget }: PeerSurroundings) {
    this.publicKey = publicKey;
    this.publicBytes = publicKey.bytes;
    this.endpoints = new EndpointChoice(limits.alternateEndpointsMax);
    this.sessions = new SessionSlots(index);
    this.queue = new SendQueue(limits.queuedPacketsPerPeerMax, queueBudget);
    this.#suite = suite;
    this.#index = index;
  }

  get endpoint(): Endpoint {
    return this.endpoints.current;
  }

  get endpointChangeCount(): number {
    return this.endpoints.changeCount;
  }

  get allowedIps(): readonly Prefix[] {
    return [...this.ownPrefixes.values()];
  }

  get persistentKeepaliveMs(): number {
    return this.#persistentKeepaliveMs;
  }

  get hasPresharedKey(): boolean {
    return this.#hasPresharedKey;
  }

  sessionState(nowMs: number): SessionState {
    const { current, next } = this.sessions;
    if (current !== undefined && !current.isExpired(nowMs)) return "established";
    if (next !== undefined && !next.isExpired(nowMs)) return "unconfirmed";
    return this.#handshake.kind === "initiated" ? "handshaking" : "none";
  }

  /** Takes what may change without ending sessions; allowed IPs are the engine's matter. */
  configure(config: PeerConfig, nowMs: number): void {
    const hadNowhereToSend = this.endpoints.isUnknown;
    const presharedKey = config.presharedKey?.reveal();
    if (presharedKey === undefined) wipe(this.#presharedKey);
    else this.#presharedKey.set(presharedKey);
    if (presharedKey !== undefined) wipe(presharedKey);
    this.#hasPresharedKey = presharedKey !== undefined;
    this.endpoints.configure(config.endpoint, config.alternateEndpoints);
    const canStart = hadNowhereToSend && !this.endpoints.isUnknown;
    if (canStart || config.persistentKeepaliveMs !== this.#persistentKeepaliveMs) {
      this.#persistentKeepaliveMs = config.persistentKeepaliveMs;
      this.timers.setPersistentKeepalive(config.persistentKeepaliveMs, nowMs);
    }
  }

  /** The MACs of messages to the peer. Made when first needed: most of many peers are silent. */
  get macs(): MacWriter {
    return this.#macs ??= new MacWriter(this.#suite, this.publicBytes);
  }

  /** The peer as a handshake needs it; `undefined` if its key is of low order. Not to be kept. */
  asRemoteParty(own: Identity): RemoteParty | undefined {
    this.#staticSecret ??= this.#suite.x25519.sharedSecret(own.pair.privateKey, this.publicBytes);
    const staticSecret = this.#staticSecret;
    return staticSecret && { publicKey: this.publicBytes, staticSecret, presharedKey: this.#presharedKey };
  }

  /** Our initiation that waits for its response, if there is one. */
  get handshake(): Handshake {
    return this.#handshake;
  }

  /** An initiation goes out: it replaces the one before. */
  handshakeInitiated(handshake: InitiatedHandshake): void {
    this.abandonHandshake();
    this.#handshake = handshake;
  }

  /** Nothing waits for a response any more. */
  abandonHandshake(): void {
    if (this.#handshake.kind === "initiated") this.#index.free(this.#handshake.localIndex);
    this.#endHandshake();
  }

  /** The response to our initiation has come: the index now names the session. */
  handshakeAnswered(): void {
    this.#endHandshake();
  }

  /** Both sides are known to have the new keys. */
  handshakeCompleted(now: Instant): void {
    this.timers.handshakeComplete();
    this.lastHandshakeWallMs = now.wallMs;
    this.hasRenewedOnReceive = false;
  }

  /** Wipes the keys of all sessions and the handshake; the next packet starts a new one. */
  forgetKeys(): void {
    this.abandonHandshake();
    this.sessions.clear();
  }

  /** Starts from nothing: the next packet may start a handshake at once, and a persistent keepalive does. */
  endSessions(): void {
    this.forgetKeys();
    this.timers.reset();
    this.lastHandshakeSentMs = -Infinity;
  }

  /** Our own key is a new one: what was derived from the old one is gone, but for sessions. */
  identityChanged(): void {
    if (this.#staticSecret) wipe(this.#staticSecret);
    this.#staticSecret = undefined;
  }

  /** Wipes all secrets and lets waiting packets go. */
  [Symbol.dispose](): void {
    this.endSessions();
    this.identityChanged();
    this.queue.clear();
    this.#macs?.[Symbol.dispose]();
    wipe(this.#presharedKey);
  }

  #endHandshake(): void {
    endHandshake(this.#handshake);
    this.#handshake = NO_HANDSHAKE;
  }
}
