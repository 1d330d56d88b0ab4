/**
 * What the path to each peer carries, and what follows from it for packets: TCP connections are opened with segments that
 * fit, and the sender of a packet that does not fit and must not be cut is told.
 *
 * What is too big all the same, because its sender was not to be told or did not listen, goes out in fragments: nothing is
 * lost for being too big.
 *
 * A path carries what the kernel's route to the peer's endpoint says: the MTU of the interface or of the route, or what the
 * kernel has learned from routers on the way (RFC 1191, RFC 8201). It is asked when a packet for which it matters goes to
 * the peer, and not again for a second.
 *
 * @module
 */
import type { Endpoint } from "../ip/endpoint.ts";
import { IPV4_HEADER_BYTES, IPV6_HEADER_BYTES } from "../ip/header.ts";
import type { Instant } from "../time/instant.ts";
import type { Peer } from "../wireguard/peer.ts";
import { HEADROOM_BYTES } from "../bytes/packet_pool.ts";
import { IPV4_PACKET_BYTES_MIN, IPV6_ANSWER_BYTES_MAX, mustShrink, writeTooBig } from "./icmp_too_big.ts";
import { clampMss, synHeaderAt } from "./mss_clamp.ts";
import { TokenBucket } from "./token_bucket.ts";

/** How long the kernel's answer is believed. */
export const PATH_AGE_MS = 1_000;
/** Senders are told at most so often: a second's worth of new connections on a busy router. */
export const ANSWERS_PER_SECOND_MAX = 200;
/** … and so many at once. */
export const ANSWERS_AT_ONCE_MAX = 100;

const UDP_HEADER_BYTES = 8;
/** Header and tag of transport data (WireGuard whitepaper §5.4.6). */
const TRANSPORT_BYTES = 32;

/** What all headers outside the tunnel take, over IPv4 or IPv6. */
export function outerBytes(family: number): number {
  return (family === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES) + UDP_HEADER_BYTES + TRANSPORT_BYTES;
}

/** What path MTUs are made of. */
export interface PathMtuParts {
  /** The largest datagram, IP header included, that the kernel would send to `endpoint` whole; 0 if it does not know. */
  readonly routeMtu: (endpoint: Endpoint) => number;
  /** Hands an IP packet to the host, as if it came out of the tunnel. Borrows; room for a packet's headers in front. */
  readonly toHost: (buffer: Uint8Array, offset: number, length: number) => void;
  /** Of the tunnel's interface, in bytes. */
  readonly tunnelMtu: number;
}

/** See the module. */
export class PathMtu {
  readonly #parts: PathMtuParts;
  readonly #answers = new TokenBucket(ANSWERS_PER_SECOND_MAX, ANSWERS_AT_ONCE_MAX);
  readonly #answer = new Uint8Array(HEADROOM_BYTES + IPV6_ANSWER_BYTES_MAX);
  #tunnelMtu: number;
  #forgottenMs = -Infinity;

  constructor(parts: PathMtuParts) {
    this.#parts = parts;
    this.#tunnelMtu = parts.tunnelMtu;
  }

  /** The tunnel's interface now has another MTU. */
  setTunnelMtu(mtu: number): void {
    this.#tunnelMtu = mtu;
  }

  /** Routes have changed, or the kernel refuses what should fit: everything is asked again. */
  forget(now: Instant): void {
    this.#forgottenMs = now.nowMs;
  }

  /** Longest packet to `peer` that goes in one datagram, and through the tunnel's interface. */
  packetBytesMax(peer: Peer, now: Instant): number {
    const { path } = peer;
    const isFresh = now.nowMs < path.staleAtMs && path.staleAtMs - PATH_AGE_MS >= this.#forgottenMs &&
      path.endpointChangeCount === peer.endpointChangeCount;
    if (!isFresh) this.#ask(peer, now);
    return Math.min(this.#tunnelMtu, path.packetBytesMax);
  }

  /**
   * Takes a packet from the TUN device on its way to `peer`, and changes it if it opens a TCP connection. Hot.
   *
   * @returns False if it is too big for the path; its sender has been told.
   */
  admit(buffer: Uint8Array, offset: number, length: number, peer: Peer, now: Instant): boolean {
    if (length > IPV4_PACKET_BYTES_MIN) {
      const packetBytesMax = this.packetBytesMax(peer, now);
      // The device lets nothing longer than its own MTU pass; what is longer was there before that was lowered.
      if (length > packetBytesMax && mustShrink(buffer, offset, length, packetBytesMax)) {
        this.#tell(buffer, offset, length, packetBytesMax, now);
        return false;
      }
    }
    this.clamp(buffer, offset, length, peer, now);
    return true;
  }

  /** Changes a packet, in either direction, if it opens a TCP connection with larger segments than fit. Hot. */
  clamp(buffer: Uint8Array, offset: number, length: number, peer: Peer, now: Instant): void {
    if (synHeaderAt(buffer, offset, length) === 0) return;
    clampMss(buffer, offset, length, this.packetBytesMax(peer, now));
  }

  #ask(peer: Peer, now: Instant): void {
    const { path, endpoint } = peer;
    const mtu = endpoint.family === 0 ? 0 : this.#parts.routeMtu(endpoint);
    path.packetBytesMax = mtu === 0 ? Infinity : Math.max(mtu - outerBytes(endpoint.family), 1);
    path.staleAtMs = now.nowMs + PATH_AGE_MS;
    path.endpointChangeCount = peer.endpointChangeCount;
  }

  #tell(buffer: Uint8Array, offset: number, length: number, packetBytesMax: number, now: Instant): void {
    if (!this.#answers.take(now.nowMs)) return;
    const answerBytes = writeTooBig(buffer, offset, length, packetBytesMax, this.#answer, HEADROOM_BYTES);
    if (answerBytes === 0) return;
    this.#answer.fill(0, 0, HEADROOM_BYTES);
    this.#parts.toHost(this.#answer, HEADROOM_BYTES, answerBytes);
  }
}
