/**
 * WireGuard as a step function: packets, datagrams and time go in, effects come out of the same call into the caller's
 * sink (whitepaper §3 to §6). No I/O, no clock, no chance of its own.
 *
 * ```text
 * fromTun      allowed IPs -> session.seal -> sink.toNetwork   (or: queue, and an initiation goes out)
 * fromNetwork  MACs, load -> handshake, or session.open -> replay window -> allowed IPs -> sink.toTun
 * expire       retries, keepalives, wiping of keys
 * ```
 *
 * Leaves out: sockets and the TUN device, segmentation and coalescing, and which underlay path an endpoint means.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { CryptoSuite } from "../crypto/suite.ts";
import type { Endpoint } from "../ip/endpoint.ts";
import { ipFamilyAt } from "../ip/header.ts";
import type { PrivateKey } from "../keys/private_key.ts";
import type { PublicKey } from "../keys/public_key.ts";
import type { Random } from "../seams/random.ts";
import { Deadlines } from "../time/deadlines.ts";
import type { Instant } from "../time/instant.ts";
import { AllowedIps } from "./allowed_ips.ts";
import { type DropCounts, type DropReason, noDrops } from "./drop_reason.ts";
import { type HandshakeCounts, noHandshakes } from "./handshake_counts.ts";
import type { EngineContext } from "./engine_context.ts";
import { HandshakeReceiver } from "./handshake_receiver.ts";
import { Identity } from "./identity.ts";
import { DEFAULT_LIMITS, type EngineLimits, INDICES_PER_PEER } from "./limits.ts";
import {
  COOKIE_REPLY,
  COOKIE_REPLY_TYPE,
  INITIATION,
  INITIATION_TYPE,
  messageTypeAt,
  RESPONSE,
  RESPONSE_TYPE,
  TRANSPORT,
  TRANSPORT_TYPE,
} from "./messages.ts";
import { type Peer, type PeerConfig, PeerState } from "./peer.ts";
import { PACKET_BYTES_MAX, Sender } from "./sender.ts";
import { QueueBudget } from "./send_queue.ts";
import { SessionIndex } from "./session_index.ts";
import type { EngineSink } from "./sink.ts";
import type { TimerKind } from "./timers.ts";
import { TimestampSource } from "./timestamp_source.ts";
import { TransportReceiver } from "./transport_receiver.ts";

/** What an engine is made of. */
export interface EngineOptions {
  /** Copied; stays the caller's. */
  readonly privateKey: PrivateKey;
  readonly suite: CryptoSuite;
  readonly random: Random;
  /** Largest IP packet inside the tunnel, in bytes. */
  readonly mtu: number;
  readonly limits?: Partial<EngineLimits>;
  /** TAI64N label, 12 bytes: all initiations are later. The last one sent before a restart, or something later. */
  readonly timestampFloor?: Uint8Array;
  /** TAI64N label, 12 bytes: initiations are no later, but for some nanoseconds. See {@linkcode TimestampSource}. */
  readonly timestampCeiling?: Uint8Array;
}

/** All peers of one WireGuard interface. Holds secrets: dispose of it. */
export class Engine implements Disposable {
  readonly #context: EngineContext;
  readonly #peers = new Map<string, PeerState>();
  readonly #allowedIps: AllowedIps<PeerState>;
  readonly #sender: Sender;
  readonly #handshakes: HandshakeReceiver;
  readonly #packets: TransportReceiver;
  #isPaused = false;

  constructor(options: EngineOptions) {
    const limits: EngineLimits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#context = {
      suite: options.suite,
      random: options.random,
      mtu: options.mtu,
      limits,
      identity: new Identity(options.suite, options.privateKey),
      timestamps: new TimestampSource(options.timestampFloor, options.timestampCeiling),
      // One more, because a new handshake has its index before the one it replaces gives its own back.
      index: new SessionIndex(options.random, limits.peersMax * INDICES_PER_PEER + 1),
      deadlines: new Deadlines(),
      queueBudget: new QueueBudget(limits.queuedPacketsMax),
      drops: noDrops(),
      handshakes: noHandshakes(),
    };
    this.#allowedIps = new AllowedIps(limits.allowedIpsMax);
    this.#sender = new Sender(this.#context);
    this.#handshakes = new HandshakeReceiver(this.#context, this.#peers, this.#sender);
    this.#packets = new TransportReceiver(this.#context, this.#allowedIps, this.#sender);
  }

  /** Our public key. */
  get publicKey(): PublicKey {
    return this.#context.identity.key;
  }

  /** How often each reason made a packet or message go no further. Live. */
  get drops(): Readonly<DropCounts> {
    return this.#context.drops;
  }

  /** What became of handshakes. Live. */
  get handshakeCounts(): Readonly<HandshakeCounts> {
    return this.#context.handshakes;
  }

  /** True while strangers get cookies instead of answers. */
  isUnderLoad(nowMs: number): boolean {
    return this.#handshakes.load.isUnderLoad(nowMs);
  }

  /** The highest TAI64N label ever sent, 12 bytes, a copy: keep it across restarts as `timestampFloor`. */
  get lastTimestamp(): Uint8Array {
    return this.#context.timestamps.last;
  }

  /** Initiations may now be as late as this TAI64N label, 12 bytes. Copies. */
  raiseTimestampCeiling(ceiling: Uint8Array): void {
    this.#context.timestamps.raiseCeiling(ceiling);
  }

  /**
   * Adds a peer or changes it; the same configuration again changes nothing. Sessions go on. Prefixes that other peers
   * have move to this one at once. With a persistent keepalive a handshake is due at once, see {@linkcode nextDeadlineMs}.
   *
   * @throws {RangeError} If there are too many peers or prefixes, the key is our own, or the interval is not one.
   */
  upsertPeer(config: PeerConfig, now: Instant): Peer {
    const name = config.publicKey.toString();
    const known = this.#peers.get(name);
    this.#checkConfig(config, known !== undefined);
    const peer = known ?? new PeerState(config.publicKey, this.#context);
    this.#allowedIps.replace(peer, config.allowedIps);
    this.#peers.set(name, peer);
    peer.configure(config, now.nowMs);
    this.#context.deadlines.schedule(peer, peer.timers.nextMs());
    return peer;
  }

  /** Forgets a peer with all its keys. Returns false if there is none. */
  removePeer(publicKey: PublicKey): boolean {
    const name = publicKey.toString();
    const peer = this.#peers.get(name);
    if (peer === undefined) return false;
    this.#peers.delete(name);
    this.#allowedIps.replace(peer, []);
    this.#context.deadlines.cancel(peer);
    peer[Symbol.dispose]();
    return true;
  }

  /**
   * Sends to `endpoint` from now on, whatever was learned of the peer's whereabouts, until it is heard from elsewhere.
   * Returns false if there is no such peer. Copies.
   */
  moveEndpoint(publicKey: PublicKey, endpoint: Endpoint): boolean {
    const peer = this.#peers.get(publicKey.toString());
    peer?.endpoints.moveTo(endpoint);
    return peer !== undefined;
  }

  /** The peer with this key. */
  peer(publicKey: PublicKey): Peer | undefined {
    return this.#peers.get(publicKey.toString());
  }

  /** All peers, in the order in which they were added. */
  peers(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** The largest IP packet inside the tunnel is now another one, in bytes. */
  setMtu(mtu: number): void {
    this.#context.mtu = mtu;
  }

  /** Takes another key: all sessions end, waiting packets are lost, a peer with that key is forgotten. Copies. */
  setPrivateKey(privateKey: PrivateKey): void {
    this.#context.identity[Symbol.dispose]();
    this.#context.identity = new Identity(this.#context.suite, privateKey);
    this.#handshakes.identityChanged();
    this.removePeer(this.publicKey);
    for (const peer of this.#peers.values()) peer.identityChanged();
    this.#endSessions();
  }

  /**
   * Ends all sessions, lets waiting packets go, and falls silent: nothing is due until {@linkcode resume}. Peers, their
   * endpoints and counters stay. Until then the driver offers no packets and datagrams.
   */
  pause(): void {
    this.#isPaused = true;
    this.#endSessions();
  }

  /** Goes on after {@linkcode pause}; persistent keepalives are due at once. */
  resume(): void {
    this.#isPaused = false;
  }

  /**
   * Addresses or routes of this host changed: peers hear from us at once, so that they learn where we are.
   *
   * @param hasMoved The way out is another one: from which own address to send is chosen anew.
   */
  underlayChanged(hasMoved: boolean, now: Instant, sink: EngineSink): void {
    for (const peer of this.#peers.values()) {
      if (hasMoved) peer.endpoint.forgetLocal();
      this.#sender.underlayChanged(peer, now, sink);
    }
  }

  /** The driver is behind with its work: counts as load for a second. */
  reportLoad(now: Instant): void {
    this.#handshakes.load.report(now.nowMs);
  }

  /**
   * Takes the IP packet of `length` bytes at `offset`, with at least 16 bytes of room in front and 31 behind; both and
   * the packet are overwritten. Borrows; hot.
   *
   * @returns `undefined` if the packet was sent or waits for a session.
   */
  fromTun(
    buffer: Uint8Array,
    offset: number,
    length: number,
    now: Instant,
    sink: EngineSink,
  ): DropReason | undefined {
    const family = ipFamilyAt(buffer, offset, length);
    if (family === 0) return this.#count("packet-malformed");
    if (length > PACKET_BYTES_MAX) return this.#count("packet-too-long");
    const peer = this.#allowedIps.ofDestination(buffer, offset, family);
    if (peer === undefined) return this.#count("no-peer-for-destination");
    if (sink.admit?.(buffer, offset, length, peer) === false) return this.#count("too-big-for-path");
    return this.#count(this.#sender.packet(peer, buffer, offset, length, now, sink));
  }

  /**
   * Takes the datagram of `length` bytes at `offset` that came from `from`; transport data is decrypted in place.
   * Borrows; hot.
   *
   * @returns `undefined` if it was of use.
   */
  fromNetwork(
    buffer: Uint8Array,
    offset: number,
    length: number,
    from: Endpoint,
    now: Instant,
    sink: EngineSink,
  ): DropReason | undefined {
    assert(offset >= 0 && offset + length <= buffer.length, "A datagram lies inside its buffer");
    switch (messageTypeAt(buffer, offset, length)) {
      case TRANSPORT_TYPE:
        if (length < TRANSPORT.bytesMin) return this.#count("wrong-length");
        return this.#count(this.#packets.receive(buffer, offset, length, from, now, sink));
      case INITIATION_TYPE:
        if (length !== INITIATION.bytes) return this.#count("wrong-length");
        return this.#count(this.#handshakes.initiation(buffer.subarray(offset, offset + length), from, now, sink));
      case RESPONSE_TYPE:
        if (length !== RESPONSE.bytes) return this.#count("wrong-length");
        return this.#count(this.#handshakes.response(buffer.subarray(offset, offset + length), from, now, sink));
      case COOKIE_REPLY_TYPE:
        if (length !== COOKIE_REPLY.bytes) return this.#count("wrong-length");
        return this.#count(this.#handshakes.cookieReply(buffer.subarray(offset, offset + length), now));
      default:
        return this.#count("unknown-type");
    }
  }

  /**
   * When `expire` is to be called, milliseconds of the monotonic clock, Infinity if not at all and while paused. Never
   * later than something is due, and sometimes earlier than anything is: packets that put a deadline off do not pay for
   * it.
   */
  nextDeadlineMs(): number {
    return this.#isPaused ? Infinity : this.#context.deadlines.nextMs();
  }

  /** Does what is due. So that packets need not wait, one call sends a limited number of initiations: ask again. */
  expire(now: Instant, sink: EngineSink): void {
    const { deadlines, limits } = this.#context;
    const initiationsEnd = this.#context.handshakes.initiationsSent + limits.initiationsPerExpireMax;
    while (this.#context.handshakes.initiationsSent < initiationsEnd) {
      const peer = deadlines.takeDue(now.nowMs);
      if (peer === undefined) return;
      while (true) {
        const timer = peer.timers.takeDue(now.nowMs);
        if (timer === undefined) break;
        this.#fire(timer, peer, now, sink);
      }
      deadlines.schedule(peer, peer.timers.nextMs());
    }
  }

  /** For tests and simulation. @throws {InvariantError} If tables disagree. */
  checkInvariants(): void {
    const { deadlines, index, limits, queueBudget } = this.#context;
    deadlines.checkInvariants();
    this.#allowedIps.checkInvariants(this.#peers.values());
    assert(this.#peers.size <= limits.peersMax, "Peers are within their limit");
    let indexCount = 0;
    let queuedCount = 0;
    for (const peer of this.#peers.values()) {
      assert(peer.deadlineMs <= peer.timers.nextMs(), "A peer is visited before its timers are due");
      assert(peer.queue.size <= limits.queuedPacketsPerPeerMax, "Queues are within their limit");
      const { previous, current, next } = peer.sessions;
      for (const session of [previous, current, next]) {
        if (session === undefined) continue;
        assert(index.get(session.localIndex)?.session === session, "A session is found by its index");
        indexCount++;
      }
      if (peer.handshake.kind === "initiated") {
        const entry = index.get(peer.handshake.localIndex);
        assert(entry?.peer === peer && entry.session === undefined, "A handshake is found by its index");
        indexCount++;
      }
      queuedCount += peer.queue.size;
    }
    assert(indexCount === index.size, "Every index names a handshake or a session");
    assert(queuedCount === queueBudget.used, "Queues and their budget agree");
    assert(queuedCount <= limits.queuedPacketsMax, "All queues together are within their limit");
  }

  /** Wipes all secrets. */
  [Symbol.dispose](): void {
    for (const peer of [...this.#peers.values()]) this.removePeer(peer.publicKey);
    this.#handshakes[Symbol.dispose]();
    this.#context.identity[Symbol.dispose]();
  }

  #endSessions(): void {
    for (const peer of this.#peers.values()) {
      this.#context.drops["handshake-gave-up"] += peer.queue.clear();
      peer.endSessions();
      this.#context.deadlines.schedule(peer, peer.timers.nextMs());
    }
  }

  #fire(timer: TimerKind, peer: PeerState, now: Instant, sink: EngineSink): void {
    switch (timer) {
      case "zero-keys":
        return peer.forgetKeys();
      case "retransmit-handshake":
        return this.#sender.retryHandshake(peer, now, sink);
      case "new-handshake":
        return this.#sender.distrustSession(peer, now, sink);
      case "send-keepalive":
      case "persistent-keepalive":
        return this.#sender.keepalive(peer, now, sink);
    }
  }

  #checkConfig(config: PeerConfig, isKnown: boolean): void {
    const { limits } = this.#context;
    if (config.publicKey.equals(this.publicKey)) throw new RangeError("Cannot add ourselves as a peer");
    if (!isKnown && this.#peers.size >= limits.peersMax) {
      throw new RangeError(`Cannot add more than ${limits.peersMax} peers`);
    }
    if (!Number.isSafeInteger(config.persistentKeepaliveMs) || config.persistentKeepaliveMs < 0) {
      throw new RangeError(`Cannot keep alive every ${config.persistentKeepaliveMs} ms`);
    }
  }

  #count(reason: DropReason | undefined): DropReason | undefined {
    if (reason !== undefined) this.#context.drops[reason]++;
    return reason;
  }
}
