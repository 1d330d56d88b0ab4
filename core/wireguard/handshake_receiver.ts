/**
 * Handshake messages coming in (whitepaper §5.3, §5.4.2, §5.4.3, §5.4.7), examined from cheap to dear: MACs, load, rate
 * of the source, and only then key agreements. Strangers get no answer.
 *
 * @module
 */
import type { Endpoint } from "../ip/endpoint.ts";
import { PublicKey } from "../keys/public_key.ts";
import type { Instant } from "../time/instant.ts";
import { compareTai64n } from "../time/tai64n.ts";
import { COOKIE_RETRY_MS, INITIATION_INTERVAL_MIN_MS } from "./constants.ts";
import { CookieChecker } from "./cookie.ts";
import type { DropReason } from "./drop_reason.ts";
import { type EngineContext, wakeInTime } from "./engine_context.ts";
import { finish, openInitiation, proveInitiator, respond, type SessionKeys } from "./handshake.ts";
import { LoadGate } from "./load_gate.ts";
import { COOKIE_REPLY, readIndex, RESPONSE } from "./messages.ts";
import type { IndexEntry, PeerState } from "./peer.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { Sender } from "./sender.ts";
import { Session } from "./session.ts";
import type { EngineSink } from "./sink.ts";

/** The receiving half of an engine, for handshakes. */
export class HandshakeReceiver implements Disposable {
  readonly load: LoadGate;
  readonly #context: EngineContext;
  readonly #peers: ReadonlyMap<string, PeerState>;
  readonly #sender: Sender;
  readonly #sources: RateLimiter;
  /** For responses and cookie replies, which are borrowed out and done with before the next. */
  readonly #answer = new Uint8Array(RESPONSE.bytes);
  #cookies: CookieChecker;

  /** @param peers By the text of their public keys. */
  constructor(context: EngineContext, peers: ReadonlyMap<string, PeerState>, sender: Sender) {
    this.#context = context;
    this.#peers = peers;
    this.#sender = sender;
    this.load = new LoadGate(context.limits.handshakesPerSecondMax);
    this.#sources = new RateLimiter(context.limits.rateLimitedSourcesMax);
    this.#cookies = new CookieChecker(context.suite, context.random, context.identity.pair.publicKey);
  }

  /** Our key is a new one: MACs and cookies made for the old one are worth nothing. */
  identityChanged(): void {
    this.#cookies[Symbol.dispose]();
    this.#cookies = new CookieChecker(this.#context.suite, this.#context.random, this.#context.identity.pair.publicKey);
  }

  /** Wipes the cookie secret. */
  [Symbol.dispose](): void {
    this.#cookies[Symbol.dispose]();
  }

  /** Takes one whole initiation. Borrows. */
  initiation(message: Uint8Array, from: Endpoint, now: Instant, sink: EngineSink): DropReason | undefined {
    if (!this.#cookies.hasValidMac1(message)) return "mac1-invalid";
    this.load.count(now.nowMs);
    return this.#gate(message, from, now, sink) ?? this.#respond(message, from, now, sink);
  }

  /** Takes one whole response. Borrows. */
  response(message: Uint8Array, from: Endpoint, now: Instant, sink: EngineSink): DropReason | undefined {
    if (!this.#cookies.hasValidMac1(message)) return "mac1-invalid";
    return this.#gate(message, from, now, sink) ?? this.#finish(message, from, now, sink);
  }

  /** Takes one whole cookie reply. Borrows. */
  cookieReply(message: Uint8Array, now: Instant): DropReason | undefined {
    const receiver = readIndex(message, COOKIE_REPLY.receiver);
    const peer = this.#context.index.get(receiver)?.peer;
    if (peer === undefined) return "unknown-receiver";
    const refusal = peer.macs.readReply(message, now.nowMs);
    if (refusal !== undefined) return refusal;
    this.#context.handshakes.cookiesReceived++;
    const isForInitiation = peer.handshake.kind === "initiated" && peer.handshake.localIndex === receiver;
    if (isForInitiation) this.#sender.hastenRetry(peer, now.nowMs + COOKIE_RETRY_MS);
    return undefined;
  }

  /** Under load, whoever cannot show a cookie gets one and nothing else, and whoever can gets its share. */
  #gate(message: Uint8Array, from: Endpoint, now: Instant, sink: EngineSink): DropReason | undefined {
    if (!this.load.isUnderLoad(now.nowMs)) return undefined;
    if (this.#cookies.hasValidMac2(message, from, now.nowMs)) {
      return this.#sources.allow(from, now.nowMs) ? undefined : "rate-limited";
    }
    this.#context.handshakes.cookiesSent++;
    this.#cookies.writeReply(message, from, now.nowMs, this.#answer.subarray(0, COOKIE_REPLY.bytes));
    sink.toNetwork(this.#answer, 0, COOKIE_REPLY.bytes, from, undefined);
    return "under-load";
  }

  #respond(message: Uint8Array, from: Endpoint, now: Instant, sink: EngineSink): DropReason | undefined {
    const { suite, random, identity, index } = this.#context;
    const opened = openInitiation(suite, identity.pair, message);
    if (typeof opened === "string") return opened;
    using _noise = opened.noise;
    const peer = this.#peers.get(PublicKey.of(opened.claimedKey).toString());
    if (peer === undefined) return "unknown-peer";
    const remote = peer.asRemoteParty(identity);
    if (remote === undefined) return "low-order-key";
    const timestamp = proveInitiator(opened, remote, message);
    if (typeof timestamp === "string") return timestamp;
    if (compareTai64n(timestamp, peer.lastTimestamp) <= 0) return "timestamp-replayed";
    if (now.nowMs < peer.lastInitiationMs + INITIATION_INTERVAL_MIN_MS) return "initiation-flood";

    const entry: IndexEntry = { peer, session: undefined };
    const localIndex = index.allocate(entry);
    if (localIndex === undefined) return "index-table-full";
    const keys = respond(suite, random, opened, remote, localIndex, message, this.#answer);
    if (typeof keys === "string") {
      index.free(localIndex);
      return keys;
    }
    peer.lastTimestamp.set(timestamp);
    peer.lastInitiationMs = now.nowMs;
    this.#accepted(peer, message, from, now);
    peer.sessions.installResponded(this.#derive(entry, keys, now));
    this.#answerWith(peer, now, sink);
    return undefined;
  }

  #finish(message: Uint8Array, from: Endpoint, now: Instant, sink: EngineSink): DropReason | undefined {
    const { identity, index } = this.#context;
    const receiver = readIndex(message, RESPONSE.receiver);
    const entry = index.get(receiver);
    const handshake = entry?.peer.handshake;
    if (entry === undefined || handshake?.kind !== "initiated" || handshake.localIndex !== receiver) {
      return "no-handshake-pending";
    }
    const peer = entry.peer;
    const remote = peer.asRemoteParty(identity);
    if (remote === undefined) return "low-order-key";
    const keys = finish(identity.pair, handshake, remote, message);
    if (typeof keys === "string") {
      // Only forgeries count as load here: honest responses are as many as we asked for.
      this.load.count(now.nowMs);
      return keys;
    }
    this.#accepted(peer, message, from, now);
    peer.handshakeAnswered();
    const isOursPreferred = comparePublicKeys(identity.pair.publicKey, peer.publicBytes) > 0;
    peer.sessions.installInitiated(this.#derive(entry, keys, now), isOursPreferred);
    peer.handshakeCompleted(now);
    this.#context.handshakes.completedAsInitiator++;
    // The responder waits for a packet before it may send (§5.4.5).
    if (!this.#sender.flush(peer, now, sink)) this.#sender.keepalive(peer, now, sink);
    return undefined;
  }

  #accepted(peer: PeerState, message: Uint8Array, from: Endpoint, now: Instant): void {
    peer.rxBytes += message.length;
    peer.endpoints.heardFrom(from);
    peer.timers.anyReceived(now.nowMs);
  }

  #derive(entry: IndexEntry, keys: SessionKeys, now: Instant): Session {
    const session = new Session(this.#context.suite, keys, this.#context.limits, now.nowMs);
    entry.session = session;
    entry.peer.timers.sessionDerived(now.nowMs);
    wakeInTime(this.#context.deadlines, entry.peer);
    return session;
  }

  #answerWith(peer: PeerState, now: Instant, sink: EngineSink): void {
    peer.macs.write(this.#answer, now.nowMs);
    peer.lastHandshakeSentMs = now.nowMs;
    peer.timers.anySent(now.nowMs);
    peer.txBytes += RESPONSE.bytes;
    this.#context.handshakes.responsesSent++;
    wakeInTime(this.#context.deadlines, peer);
    sink.toNetwork(this.#answer, 0, RESPONSE.bytes, peer.endpoint, peer);
  }
}

function comparePublicKeys(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
