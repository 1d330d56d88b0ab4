/**
 * What the path to each peer carries, and what follows from it for packets: TCP connections are opened with segments that
 * fit, and the sender of a packet that does not fit and must not be cut is told.
 *
 * What is too big all the same, because its sender was not to be told or did not listen, goes out in fragments: nothing is
 * lost for being too big.
 *
 * A path carries what the kernel's route to the peer's endpoint says: the MTU of the interface or of the route, or what the
 * kernel has learned from routers on the way (RFC 1191, RFC 8201). It is asked when a packet for which it matters goes to
 * the peer, and not again for a second. What no router says is found out by probes, see `path_prober.ts`.
 *
 * @module
 */
import type { Endpoint } from "../ip/endpoint.ts";
import { IPV4_HEADER_BYTES, IPV6_HEADER_BYTES } from "../ip/header.ts";
import type { Random } from "../seams/random.ts";
import type { Instant } from "../time/instant.ts";
import type { Peer } from "../wireguard/peer.ts";
import { HEADROOM_BYTES } from "../bytes/packet_pool.ts";
import { IPV4_PACKET_BYTES_MIN, IPV6_ANSWER_BYTES_MAX, mustShrink, writeTooBig } from "./icmp_too_big.ts";
import { clampMss, synHeaderAt } from "./mss_clamp.ts";
import { PathProber } from "./path_prober.ts";
import { TokenBucket } from "./token_bucket.ts";

/** How long the kernel's answer is believed. */
export const PATH_AGE_MS = 1_000;
/** Senders are told at most so often: a second's worth of new connections on a busy router. */
export const ANSWERS_PER_SECOND_MAX = 200;
/** … and so many at once. */
export const ANSWERS_AT_ONCE_MAX = 100;

/** Shorter packets hardly ever get lost for their length, and say nothing about longer ones. */
export const PROBE_ABOVE_BYTES = 1_000;

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
  /** Without it, what nobody says about a path is not found out. */
  readonly probes?: PathProbes;
}

/** How to find out what nobody says. */
export interface PathProbes {
  readonly random: Random;
  /** Sends a packet as the engine's `fromTun` does, to where `peer` is, in one datagram that nobody may cut or not at all. */
  readonly send: (peer: Peer, buffer: Uint8Array, offset: number, length: number, now: Instant) => void;
}

/** See the module. */
export class PathMtu {
  readonly #parts: PathMtuParts;
  readonly #answers = new TokenBucket(ANSWERS_PER_SECOND_MAX, ANSWERS_AT_ONCE_MAX);
  readonly #answer = new Uint8Array(HEADROOM_BYTES + IPV6_ANSWER_BYTES_MAX);
  readonly #prober: PathProber<Peer> | undefined;
  #tunnelMtu: number;
  #forgottenMs = -Infinity;
  #now: Instant = { nowMs: 0, wallMs: 0 };

  constructor(parts: PathMtuParts) {
    this.#parts = parts;
    this.#tunnelMtu = parts.tunnelMtu;
    const { probes } = parts;
    this.#prober = probes && new PathProber<Peer>({
      random: probes.random,
      send: (peer, buffer, offset, length) => this.#sendProbe(probes, peer, buffer, offset, length),
      learned: (peer) => peer.path.staleAtMs = -Infinity,
    });
  }

  /** The tunnel's interface now has another MTU. */
  setTunnelMtu(mtu: number): void {
    this.#tunnelMtu = mtu;
  }

  /** Routes have changed, or the kernel refuses what should fit: it is asked again about everything. */
  forget(now: Instant): void {
    this.#forgottenMs = now.nowMs;
  }

  /** This host is somewhere else: also what was found out counts no more. */
  forgetAll(now: Instant): void {
    this.forget(now);
    this.#prober?.forgetAll();
  }

  /** Longest packet to `peer` that goes in one datagram, and through the tunnel's interface. */
  packetBytesMax(peer: Peer, now: Instant): number {
    if (!this.#isFresh(peer, now)) this.#ask(peer, now);
    return Math.min(this.#tunnelMtu, peer.path.packetBytesMax);
  }

  /**
   * Takes a packet from the TUN device on its way to `peer`, and changes it if it opens a TCP connection. Hot.
   *
   * @returns False if it is too big for the path; its sender has been told.
   */
  admit(buffer: Uint8Array, offset: number, length: number, peer: Peer, now: Instant): boolean {
    if (length > IPV4_PACKET_BYTES_MIN) {
      if (length > PROBE_ABOVE_BYTES && !this.#isFresh(peer, now)) this.#probe(buffer, offset, length, peer, now);
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

  /**
   * Takes a packet out of the tunnel, and changes it if it opens a TCP connection. Hot.
   *
   * @returns False if it is not for the host.
   */
  arrive(buffer: Uint8Array, offset: number, length: number, peer: Peer, now: Instant): boolean {
    if (this.#prober?.take(buffer, offset, length)) return false;
    this.clamp(buffer, offset, length, peer, now);
    return true;
  }

  /** When {@linkcode expire} is to be called; Infinity if not at all. */
  nextDeadlineMs(): number {
    return this.#prober?.nextDeadlineMs() ?? Infinity;
  }

  /** Asks and concludes what is due. */
  expire(now: Instant): void {
    this.#now = now;
    this.#prober?.expire(now.nowMs);
  }

  #isFresh(peer: Peer, now: Instant): boolean {
    const { path } = peer;
    return now.nowMs < path.staleAtMs && path.staleAtMs - PATH_AGE_MS >= this.#forgottenMs &&
      path.endpointChangeCount === peer.endpointChangeCount;
  }

  #probe(buffer: Uint8Array, offset: number, length: number, peer: Peer, now: Instant): void {
    const { endpoint } = peer;
    if (!this.#prober || endpoint.family === 0 || peer.sessionState(now.nowMs) !== "established") return;
    if (peer.path.endpointChangeCount !== peer.endpointChangeCount) this.#prober.forget(peer);
    const outer = outerBytes(endpoint.family);
    const longest = Math.min(this.#tunnelMtu, this.#routeBytesMax(endpoint));
    this.#prober.want(peer, buffer, offset, length, longest, outer, now.nowMs);
  }

  #sendProbe(probes: PathProbes, peer: Peer, buffer: Uint8Array, offset: number, length: number): void {
    // Without a session it would wait for one, and then be cut as any other packet.
    if (peer.sessionState(this.#now.nowMs) !== "established") return;
    const { path } = peer;
    const before = path.packetBytesMax;
    // So that it is not padded: the question is about this length.
    path.packetBytesMax = length;
    probes.send(peer, buffer, offset, length, this.#now);
    path.packetBytesMax = before;
  }

  #routeBytesMax(endpoint: Endpoint): number {
    const mtu = endpoint.family === 0 ? 0 : this.#parts.routeMtu(endpoint);
    return mtu === 0 ? Infinity : Math.max(mtu - outerBytes(endpoint.family), 1);
  }

  #ask(peer: Peer, now: Instant): void {
    const { path, endpoint } = peer;
    path.packetBytesMax = Math.min(this.#routeBytesMax(endpoint), this.#prober?.packetBytesMax(peer) ?? Infinity);
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
