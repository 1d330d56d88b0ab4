/**
 * Transport data coming in (whitepaper §5.4.6, §6.2, §6.5), in the order in which a packet is examined.
 *
 * @module
 */
import { TAG_BYTES } from "../crypto/suite.ts";
import type { Endpoint } from "../ip/endpoint.ts";
import { ipFamilyAt, ipTotalLengthAt } from "../ip/header.ts";
import type { Instant } from "../time/instant.ts";
import type { AllowedIps } from "./allowed_ips.ts";
import { KEEPALIVE_TIMEOUT_MS, REJECT_AFTER_TIME_MS, REKEY_TIMEOUT_MS } from "./constants.ts";
import type { DropReason } from "./drop_reason.ts";
import { type EngineContext, wakeInTime } from "./engine_context.ts";
import { readIndex, TRANSPORT } from "./messages.ts";
import type { PeerState } from "./peer.ts";
import type { Sender } from "./sender.ts";
import type { EngineSink } from "./sink.ts";

/** Age from which received data makes an initiator renew the session: an answer to a keepalive would come too late. */
const RENEW_ON_RECEIVE_AFTER_MS = REJECT_AFTER_TIME_MS - KEEPALIVE_TIMEOUT_MS - REKEY_TIMEOUT_MS;

/** The receiving half of an engine, for packets. */
export class TransportReceiver {
  readonly #context: EngineContext;
  readonly #allowedIps: AllowedIps<PeerState>;
  readonly #sender: Sender;

  constructor(context: EngineContext, allowedIps: AllowedIps<PeerState>, sender: Sender) {
    this.#context = context;
    this.#allowedIps = allowedIps;
    this.#sender = sender;
  }

  /** Decrypts in place and delivers one message of at least 32 bytes. Borrows; hot. */
  receive(
    buffer: Uint8Array,
    offset: number,
    length: number,
    from: Endpoint,
    now: Instant,
    sink: EngineSink,
  ): DropReason | undefined {
    const entry = this.#context.index.get(readIndex(buffer, offset + TRANSPORT.receiver));
    const session = entry?.session;
    if (entry === undefined || session === undefined) return "unknown-receiver";
    if (session.isExpired(now.nowMs)) return "session-expired";
    const refusal = session.open(buffer, offset, length);
    if (refusal !== undefined) return refusal;

    const peer = entry.peer;
    peer.rxBytes += length;
    peer.endpoints.heardFrom(from);
    peer.timers.anyReceived(now.nowMs);
    if (peer.sessions.confirm(session)) this.#becameCurrent(peer, now, sink);
    this.#renewWhileAnswersCanCome(peer, now, sink);
    const packetBytes = length - TRANSPORT.packet - TAG_BYTES;
    if (packetBytes > 0) peer.timers.dataReceived(now.nowMs);
    wakeInTime(this.#context.deadlines, peer);
    return packetBytes === 0 ? undefined : this.#deliver(peer, buffer, offset + TRANSPORT.packet, packetBytes, sink);
  }

  /** The initiator has the keys too: now we may send on the session. */
  #becameCurrent(peer: PeerState, now: Instant, sink: EngineSink): void {
    peer.abandonHandshake();
    peer.handshakeCompleted(now);
    this.#context.handshakes.completedAsResponder++;
    this.#sender.flush(peer, now, sink);
  }

  #renewWhileAnswersCanCome(peer: PeerState, now: Instant, sink: EngineSink): void {
    const current = peer.sessions.current;
    if (peer.hasRenewedOnReceive || current === undefined || !current.isInitiator) return;
    if (now.nowMs < current.createdMs + RENEW_ON_RECEIVE_AFTER_MS) return;
    peer.hasRenewedOnReceive = true;
    this.#sender.requestHandshake(peer, now, sink);
  }

  #deliver(
    peer: PeerState,
    buffer: Uint8Array,
    offset: number,
    length: number,
    sink: EngineSink,
  ): DropReason | undefined {
    const totalBytes = ipTotalLengthAt(buffer, offset, length);
    const family = ipFamilyAt(buffer, offset, length);
    if (totalBytes === 0 || family === 0) return "inner-malformed";
    if (this.#allowedIps.ofSource(buffer, offset, family) !== peer) return "source-not-allowed";
    sink.toTun(buffer, offset, totalBytes, peer);
    return undefined;
  }
}
