/**
 * Everything that goes out on our own account: packets, keepalives and initiations, in the order in which a packet
 * meets them (whitepaper §5.4.6, §6.2, §6.4). Answers to initiations are in `handshake_receiver.ts`.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { TAG_BYTES } from "../crypto/suite.ts";
import type { Instant } from "../time/instant.ts";
import {
  COOKIE_RETRY_MS,
  PADDING_BYTES,
  REKEY_AFTER_TIME_MS,
  REKEY_ATTEMPT_TIME_MS,
  REKEY_TIMEOUT_JITTER_MAX_MS,
  REKEY_TIMEOUT_MS,
} from "./constants.ts";
import type { DropReason } from "./drop_reason.ts";
import { type EngineContext, wakeInTime } from "./engine_context.ts";
import { initiate } from "./handshake.ts";
import { INITIATION, TRANSPORT } from "./messages.ts";
import type { IndexEntry, PeerState } from "./peer.ts";
import type { Session } from "./session.ts";
import type { EngineSink } from "./sink.ts";

/** Longest packet that header, padding and tag leave room for in a UDP datagram over IPv4. */
export const PACKET_BYTES_MAX: number = 65_507 - TRANSPORT.bytesMin - (PADDING_BYTES - 1);

/** The sending half of an engine. */
export class Sender {
  readonly #context: EngineContext;
  /** For initiations and keepalives, which are borrowed out and done with before the next. */
  readonly #message = new Uint8Array(INITIATION.bytes);

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /**
   * Sends the packet of `length` bytes at `offset` to `peer`, or keeps a copy until there is a session. Encrypts in
   * place when there is one, so 16 bytes in front of the packet and padding and tag behind it are overwritten. Hot.
   */
  packet(
    peer: PeerState,
    buffer: Uint8Array,
    offset: number,
    length: number,
    now: Instant,
    sink: EngineSink,
  ): DropReason | undefined {
    if (peer.endpoints.isUnknown) return "no-endpoint";
    const session = peer.sessions.current;
    if (session !== undefined && session.maySend(now.nowMs)) {
      this.#transmit(peer, session, buffer, offset, length, now, sink);
    } else {
      this.#context.drops["send-queue-full"] += peer.queue.push(buffer, offset, length);
      this.requestHandshake(peer, now, sink);
    }
    return undefined;
  }

  /** Sends an empty packet, or starts a handshake, which ends with one. */
  keepalive(peer: PeerState, now: Instant, sink: EngineSink): void {
    const session = peer.sessions.current;
    if (session !== undefined && session.maySend(now.nowMs)) {
      this.#transmit(peer, session, this.#message, TRANSPORT.packet, 0, now, sink);
    } else {
      this.requestHandshake(peer, now, sink);
    }
  }

  /** Sends what waited for the session that is now current. Returns false if nothing did. */
  flush(peer: PeerState, now: Instant, sink: EngineSink): boolean {
    const session = peer.sessions.current;
    if (session === undefined || peer.queue.size === 0) return false;
    while (session.maySend(now.nowMs)) {
      const packet = peer.queue.shift();
      if (packet === undefined) break;
      this.#transmit(peer, session, packet.buffer, packet.offset, packet.length, now, sink);
    }
    return true;
  }

  /**
   * Starts a handshake, or has one started as soon as Rekey-Timeout allows. A new reason prolongs the attempt under way
   * (§6.4) but does not hasten it: the retry keeps its jitter and its turn among the endpoints however many packets wait.
   */
  requestHandshake(peer: PeerState, now: Instant, sink: EngineSink): void {
    peer.attemptStartedMs = now.nowMs;
    if (peer.timers.isHandshakeExpected) return;
    const allowedMs = peer.lastHandshakeSentMs + REKEY_TIMEOUT_MS;
    if (now.nowMs >= allowedMs) {
      peer.earlyRetry = "allowed";
      this.#initiate(peer, now, sink);
    } else {
      peer.timers.handshakeWanted(allowedMs);
    }
    wakeInTime(this.#context.deadlines, peer);
  }

  /** The next initiation of an attempt under way goes at `atMs`, unless one has been hastened already. */
  hastenRetry(peer: PeerState, atMs: number): void {
    if (peer.earlyRetry !== "allowed") return;
    peer.earlyRetry = "due";
    peer.timers.handshakeWanted(atMs);
    wakeInTime(this.#context.deadlines, peer);
  }

  /**
   * Our own address may be another one: an empty packet tells the peer, and an initiation that is not answered yet, because
   * it may have gone nowhere, goes again soon.
   */
  underlayChanged(peer: PeerState, now: Instant, sink: EngineSink): void {
    if (peer.sessions.current?.maySend(now.nowMs)) this.keepalive(peer, now, sink);
    if (peer.handshake.kind !== "initiated") return;
    peer.attemptStartedMs = now.nowMs;
    this.hastenRetry(peer, Math.max(now.nowMs, peer.lastHandshakeSentMs + COOKIE_RETRY_MS));
  }

  /** Nothing came back on a session that should work: perhaps the peer is elsewhere, or has lost its keys. */
  distrustSession(peer: PeerState, now: Instant, sink: EngineSink): void {
    // Perhaps our own address is what does not work.
    peer.endpoint.forgetLocal();
    if (!peer.timers.isHandshakeExpected) peer.endpoints.tryNext();
    this.requestHandshake(peer, now, sink);
  }

  /** The initiation was not answered in time, or it is time for one that had to wait. */
  retryHandshake(peer: PeerState, now: Instant, sink: EngineSink): void {
    if (now.nowMs >= peer.attemptStartedMs + REKEY_ATTEMPT_TIME_MS) return this.#giveUp(peer);
    if (peer.earlyRetry === "due") {
      peer.earlyRetry = "used";
    } else {
      peer.earlyRetry = "allowed";
      peer.endpoint.forgetLocal();
      if (peer.handshake.kind === "initiated") peer.endpoints.tryNext();
    }
    this.#initiate(peer, now, sink);
  }

  #transmit(
    peer: PeerState,
    session: Session,
    buffer: Uint8Array,
    offset: number,
    length: number,
    now: Instant,
    sink: EngineSink,
  ): void {
    const paddedBytes = paddedLength(length, Math.min(this.#context.mtu, peer.path.packetBytesMax));
    const start = offset - TRANSPORT.packet;
    assert(start >= 0 && offset + paddedBytes + TAG_BYTES <= buffer.length, "A packet has room around it");
    for (let i = offset + length; i < offset + paddedBytes; i++) buffer[i] = 0;
    session.seal(buffer, offset, paddedBytes);
    const messageBytes = TRANSPORT.packet + paddedBytes + TAG_BYTES;
    peer.txBytes += messageBytes;
    if (length > 0) peer.timers.dataSent(now.nowMs);
    peer.timers.anySent(now.nowMs);
    wakeInTime(this.#context.deadlines, peer);
    sink.toNetwork(buffer, start, messageBytes, peer.endpoint, peer);
    if (this.#isDueForRekey(session, now.nowMs)) this.requestHandshake(peer, now, sink);
  }

  /** Keys are renewed when they are used: by whoever initiated them when old, by both when used up (§6.2). */
  #isDueForRekey(session: Session, nowMs: number): boolean {
    return (session.isInitiator && nowMs >= session.createdMs + REKEY_AFTER_TIME_MS) ||
      session.sendCounter >= this.#context.limits.rekeyAfterCount;
  }

  #initiate(peer: PeerState, now: Instant, sink: EngineSink): void {
    const { suite, random, identity, index, timestamps, drops } = this.#context;
    if (peer.endpoints.isUnknown) return;
    const remote = peer.asRemoteParty(identity);
    if (remote === undefined) {
      drops["low-order-key"]++;
      return;
    }
    const entry: IndexEntry = { peer, session: undefined };
    const localIndex = index.allocate(entry);
    if (localIndex === undefined) {
      drops["index-table-full"]++;
      peer.timers.handshakeWanted(now.nowMs + REKEY_TIMEOUT_MS);
      return;
    }
    const timestamp = timestamps.next(now.wallMs);
    const handshake = initiate(suite, random, identity.pair, remote, localIndex, timestamp, this.#message);
    assert(handshake !== undefined, "A key with a good static secret is not of low order");
    peer.handshakeInitiated(handshake);
    peer.macs.write(this.#message, now.nowMs);
    peer.lastHandshakeSentMs = now.nowMs;
    peer.timers.handshakeInitiated(now.nowMs, random.u32() % (REKEY_TIMEOUT_JITTER_MAX_MS + 1));
    peer.timers.anySent(now.nowMs);
    peer.txBytes += INITIATION.bytes;
    this.#context.handshakes.initiationsSent++;
    sink.toNetwork(this.#message, 0, INITIATION.bytes, peer.endpoint, peer);
  }

  #giveUp(peer: PeerState): void {
    this.#context.drops["handshake-gave-up"] += peer.queue.clear();
    this.#context.handshakes.givenUp++;
    peer.abandonHandshake();
    peer.timers.handshakeGivenUp();
  }
}

/** Up to the next multiple of sixteen, but not beyond the MTU; longer packets stay as they are. */
export function paddedLength(length: number, mtu: number): number {
  return length >= mtu ? length : Math.min(Math.ceil(length / PADDING_BYTES) * PADDING_BYTES, mtu);
}
