/**
 * Finding out what a path carries where nobody says it: many networks drop fragments, and the messages of routers that a
 * packet was too big, so that transfers hang while pings work. (The idea is that of RFC 8899: packets that are lost cost
 * nothing.)
 *
 * A volley of probes of different lengths, none of which may be cut, goes to a peer when large packets do; what is answered
 * fits. What is not answered is asked a second time. If nothing at all is answered, nothing is known, and the peer's host
 * does not answer echo requests.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { IpFamily } from "../ip/address.ts";
import type { Random } from "../seams/random.ts";
import {
  emptyRoute,
  hasCookie,
  identAt,
  PROBE_COOKIE_BYTES,
  probeBytesMin,
  type ProbeRoute,
  readRoute,
  replyAt,
  sequenceAt,
  writeProbe,
} from "./probe_packet.ts";

/** Path MTUs that are asked about, with all headers: what links, tunnels and those who configure them like. */
export const PROBED_MTUS: readonly number[] = [
  ...[1500, 1492, 1480, 1472, 1460, 1450, 1440, 1430, 1420, 1410, 1400, 1380, 1360, 1340, 1320, 1300],
  ...[1280, 1240, 1200, 1152, 1124, 1064, 1006, 900, 768, 660],
];
/** A volley is answered in this time, or not. */
export const ANSWER_MS = 1_000;
/** Volleys until what was not answered counts as too long. */
export const VOLLEYS = 2;
/** The path is asked again so often, while large packets go there, … */
export const PROBE_INTERVAL_MS = 120_000;
/** … or so often while nobody there answers: the next packet may go to another host behind the same peer. */
export const SILENT_INTERVAL_MS = 30_000;
/** Peers whose paths are kept in mind; beyond, those asked about longest ago are forgotten. */
export const PROBED_PEERS_MAX = 4_096;
/** Paths that are being asked about at once; others wait for their turn. */
export const PROBING_MAX = 16;

/** What is known of the way to one peer. */
interface Probing {
  readonly ident: number;
  readonly cookie: Uint8Array;
  readonly route: ProbeRoute;
  /** Lengths of packets inside the tunnel, longest first; the sequence number is the place in here. */
  readonly lengths: readonly number[];
  /** The place of the longest that was answered; `lengths.length` while none was. */
  best: number;
  volleyCount: number;
  /** When the next volley, or the conclusion, is due; Infinity when concluded. */
  dueMs: number;
  /** When the path is asked again. */
  againMs: number;
  /** What was found out before; holds until the conclusion. */
  readonly assumedBytesMax: number;
}

/** What a prober works with. `Key` is who a path leads to. */
export interface PathProberParts<Key> {
  readonly random: Random;
  /**
   * Sends the packet of `length` bytes at `offset` to `to` in one datagram that nobody may cut, or not at all. 16 bytes in
   * front and 31 behind may be overwritten. Borrows.
   */
  readonly send: (to: Key, buffer: Uint8Array, offset: number, length: number) => void;
  /** More is known of the path to `to`. */
  readonly learned: (to: Key) => void;
}

const HEADROOM_BYTES = 16;
const TAILROOM_BYTES = 31;

/** See the module. */
export class PathProber<Key> {
  readonly #parts: PathProberParts<Key>;
  readonly #byKey = new Map<Key, Probing>();
  readonly #byIdent = new Map<number, Probing>();
  readonly #active = new Map<Key, Probing>();
  readonly #buffer = new Uint8Array(HEADROOM_BYTES + (PROBED_MTUS[0] ?? 0) + TAILROOM_BYTES);

  constructor(parts: PathProberParts<Key>) {
    this.#parts = parts;
  }

  /** Peers whose paths are kept in mind. */
  get size(): number {
    return this.#byKey.size;
  }

  /**
   * Longest packet to `to` that fits, as far as was found out: Infinity if the longest that was asked about does, or nothing
   * is known.
   */
  packetBytesMax(to: Key): number {
    const probing = this.#byKey.get(to);
    return probing === undefined ? Infinity : bytesMaxOf(probing);
  }

  /**
   * A large packet, `length` bytes at `offset`, is on its way to `to`: asks about the path, unless that was done lately.
   * Borrows.
   *
   * @param packetBytesMax The longest packet that is of interest.
   * @param outerBytes What all headers outside the tunnel take.
   */
  want(
    to: Key,
    buffer: Uint8Array,
    offset: number,
    length: number,
    packetBytesMax: number,
    outerBytes: number,
    nowMs: number,
  ): void {
    const known = this.#byKey.get(to);
    if (known !== undefined && nowMs < known.againMs) return;
    if (this.#active.size >= PROBING_MAX || this.#active.has(to)) return;
    const route = emptyRoute();
    readRoute(buffer, offset, length, route);
    if (route.family === 0 || isGroup(route)) return;
    const lengths = lengthsBelow(packetBytesMax, outerBytes, route.family);
    if (lengths.length < 2) return;
    const assumedBytesMax = this.packetBytesMax(to);
    this.forget(to);
    this.#makeRoom();
    const cookie = new Uint8Array(PROBE_COOKIE_BYTES);
    this.#parts.random.fill(cookie);
    const probing: Probing = {
      ident: this.#freeIdent(),
      cookie,
      route,
      lengths,
      best: lengths.length,
      volleyCount: 0,
      dueMs: nowMs,
      againMs: nowMs + PROBE_INTERVAL_MS,
      assumedBytesMax,
    };
    this.#byKey.set(to, probing);
    this.#byIdent.set(probing.ident, probing);
    this.#active.set(to, probing);
  }

  /** Nothing that was found out about the way to `to` holds any more. */
  forget(to: Key): void {
    const probing = this.#byKey.get(to);
    if (probing === undefined) return;
    this.#byKey.delete(to);
    this.#byIdent.delete(probing.ident);
    this.#active.delete(to);
  }

  /** … nor about any other. */
  forgetAll(): void {
    for (const to of [...this.#byKey.keys()]) this.forget(to);
  }

  /** True if the packet of `length` bytes at `offset` out of the tunnel is a reply to a probe: nobody else wants it. Hot. */
  take(buffer: Uint8Array, offset: number, length: number): boolean {
    if (this.#byIdent.size === 0) return false;
    const icmp = replyAt(buffer, offset, length);
    if (icmp === 0) return false;
    const probing = this.#byIdent.get(identAt(buffer, icmp));
    if (probing === undefined || !hasCookie(buffer, icmp, probing.cookie)) return false;
    const place = sequenceAt(buffer, icmp);
    // Also after the conclusion: a late answer is an answer.
    if (place < probing.best) probing.best = place;
    return true;
  }

  /** When {@linkcode expire} is to be called; Infinity if not at all. */
  nextDeadlineMs(): number {
    let nextMs = Infinity;
    // Nearly always: it is asked every turn of the loop.
    if (this.#active.size === 0) return nextMs;
    for (const { dueMs } of this.#active.values()) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }

  /** Sends volleys and draws conclusions that are due. */
  expire(nowMs: number): void {
    for (const [to, probing] of this.#active) {
      if (probing.dueMs > nowMs) continue;
      if (probing.best === 0 || probing.volleyCount === VOLLEYS) this.#conclude(to, probing, nowMs);
      else this.#volley(to, probing, nowMs);
    }
  }

  #volley(to: Key, probing: Probing, nowMs: number): void {
    probing.volleyCount++;
    probing.dueMs = nowMs + ANSWER_MS;
    for (let place = 0; place < probing.best; place++) this.#send(to, probing, place);
    if (probing.volleyCount > 1) this.#parts.learned(to);
  }

  #conclude(to: Key, probing: Probing, nowMs: number): void {
    probing.dueMs = Infinity;
    this.#active.delete(to);
    if (probing.best === probing.lengths.length) probing.againMs = nowMs + SILENT_INTERVAL_MS;
    this.#parts.learned(to);
  }

  #send(to: Key, { route, ident, cookie, lengths }: Probing, place: number): void {
    const length = lengths[place];
    assert(length !== undefined, "A place names a length");
    writeProbe(this.#buffer, HEADROOM_BYTES, length, route, ident, place, cookie);
    this.#parts.send(to, this.#buffer, HEADROOM_BYTES, length);
  }

  #freeIdent(): number {
    while (true) {
      const ident = this.#parts.random.u32() & 0xffff;
      if (!this.#byIdent.has(ident)) return ident;
    }
  }

  #makeRoom(): void {
    for (const to of this.#byKey.keys()) {
      if (this.#byKey.size < PROBED_PEERS_MAX) return;
      if (!this.#active.has(to)) this.forget(to);
    }
  }
}

/** What goes through: after the first volley what it said, unless something is known from before; then the conclusion. */
function bytesMaxOf({ dueMs, volleyCount, best, lengths, assumedBytesMax }: Probing): number {
  const isAsking = dueMs !== Infinity;
  if (isAsking && (volleyCount < 2 || assumedBytesMax !== Infinity)) return assumedBytesMax;
  return best === 0 ? Infinity : lengths[best] ?? Infinity;
}

/** Broadcast and multicast: many would answer, or nobody. */
function isGroup({ family, destination }: ProbeRoute): boolean {
  return family === 4 ? destination[0]! >= 224 : destination[0] === 0xff;
}

/** What to ask about: the longest of interest, and what usual path MTUs below it leave. */
function lengthsBelow(packetBytesMax: number, outerBytes: number, family: IpFamily): number[] {
  const usual = PROBED_MTUS.map((mtu) => mtu - outerBytes)
    .filter((length) => length < packetBytesMax && length >= probeBytesMin(family));
  const longest = Math.min(packetBytesMax, (PROBED_MTUS[0] ?? 0) - outerBytes);
  return [longest, ...usual.filter((length) => length < longest)];
}
