/**
 * The packets that find out what a path carries: echo requests (RFC 792 p. 14, RFC 4443 §4.1) inside the tunnel, with as much
 * padding behind them as it takes to make the datagram as long as the question is. WireGuard on the other side decrypts, cuts
 * off the padding, and its host answers with a short reply: so every implementation answers, and only the way there counts.
 *
 * Requests go between the addresses of a packet that is on its way to the peer, because those are known to get there.
 *
 * @module
 */
import type { IpFamily } from "../ip/address.ts";
import { checksumOf, internetChecksum, sumBytes } from "../ip/checksum.ts";
import { ipDestinationOffset, ipFamilyAt, ipSourceOffset, IPV4_HEADER_BYTES, IPV6_HEADER_BYTES } from "../ip/header.ts";

/** Random bytes in a request that the reply repeats: nobody else's reply is taken for one. */
export const PROBE_COOKIE_BYTES = 8;

const ICMP_HEADER_BYTES = 8;
const IDENT_OFFSET = 4;
const SEQUENCE_OFFSET = 6;
const ECHO_BYTES = ICMP_HEADER_BYTES + PROBE_COOKIE_BYTES;
const IPV4_PROBE_BYTES = IPV4_HEADER_BYTES + ECHO_BYTES;
const IPV6_PROBE_BYTES = IPV6_HEADER_BYTES + ECHO_BYTES;
const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;
const IPV4_ECHO_REQUEST = 8;
const IPV4_ECHO_REPLY = 0;
const IPV6_ECHO_REQUEST = 128;
const IPV6_ECHO_REPLY = 129;
const TTL = 64;
const DONT_FRAGMENT = 0x40;
const ADDRESS_BYTES_MAX = 16;

/** From where to where probes go; the first four bytes of each address count for IPv4. */
export interface ProbeRoute {
  family: IpFamily | 0;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** A route of its own memory, for {@linkcode readRoute}. */
export function emptyRoute(): ProbeRoute {
  return { family: 0, source: new Uint8Array(ADDRESS_BYTES_MAX), destination: new Uint8Array(ADDRESS_BYTES_MAX) };
}

/** Takes the addresses of the packet of `length` bytes at `offset`. */
export function readRoute(buffer: Uint8Array, offset: number, length: number, route: ProbeRoute): void {
  const family = ipFamilyAt(buffer, offset, length);
  route.family = family;
  if (family === 0) return;
  const bytes = family === 4 ? 4 : ADDRESS_BYTES_MAX;
  route.source.set(buffer.subarray(offset + ipSourceOffset(family)).subarray(0, bytes));
  route.destination.set(buffer.subarray(offset + ipDestinationOffset(family)).subarray(0, bytes));
}

/** The least that a probe takes, in bytes. */
export function probeBytesMin(family: IpFamily): number {
  return family === 4 ? IPV4_PROBE_BYTES : IPV6_PROBE_BYTES;
}

/**
 * Writes a request of `length` bytes, padding included, into `buffer` from `offset`.
 *
 * @param ident Names the question, 16 bits.
 * @param sequence Names the length, 16 bits.
 * @param cookie {@linkcode PROBE_COOKIE_BYTES}.
 */
export function writeProbe(
  buffer: Uint8Array,
  offset: number,
  length: number,
  route: ProbeRoute,
  ident: number,
  sequence: number,
  cookie: Uint8Array,
): void {
  buffer.fill(0, offset, offset + length);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const isIpv4 = route.family === 4;
  const icmp = offset + (isIpv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES);
  buffer[icmp] = isIpv4 ? IPV4_ECHO_REQUEST : IPV6_ECHO_REQUEST;
  view.setUint16(icmp + IDENT_OFFSET, ident);
  view.setUint16(icmp + SEQUENCE_OFFSET, sequence);
  buffer.set(cookie, icmp + ICMP_HEADER_BYTES);
  if (isIpv4) {
    buffer[offset] = 0x45;
    view.setUint16(offset + 2, IPV4_PROBE_BYTES);
    buffer[offset + 6] = DONT_FRAGMENT;
    buffer[offset + 8] = TTL;
    buffer[offset + 9] = PROTOCOL_ICMP;
    buffer.set(route.source.subarray(0, 4), offset + ipSourceOffset(4));
    buffer.set(route.destination.subarray(0, 4), offset + ipDestinationOffset(4));
    view.setUint16(offset + 10, internetChecksum(view, offset, IPV4_HEADER_BYTES));
    view.setUint16(icmp + 2, internetChecksum(view, icmp, ECHO_BYTES));
    return;
  }
  buffer[offset] = 0x60;
  view.setUint16(offset + 4, ECHO_BYTES);
  buffer[offset + 6] = PROTOCOL_ICMPV6;
  buffer[offset + 7] = TTL;
  buffer.set(route.source, offset + ipSourceOffset(6));
  buffer.set(route.destination, offset + ipDestinationOffset(6));
  const pseudoSum = sumBytes(view, offset + ipSourceOffset(6), 2 * ADDRESS_BYTES_MAX, ECHO_BYTES + PROTOCOL_ICMPV6);
  view.setUint16(icmp + 2, checksumOf(sumBytes(view, icmp, ECHO_BYTES, pseudoSum)));
}

/**
 * Where the ICMP header of a reply starts, if the packet of `length` bytes at `offset` may be one to a probe; 0 if it is not.
 * Borrows; hot: for nearly every packet the length decides.
 */
export function replyAt(buffer: Uint8Array, offset: number, length: number): number {
  if (length === IPV4_PROBE_BYTES) {
    const icmp = offset + IPV4_HEADER_BYTES;
    return buffer[offset] === 0x45 && buffer[offset + 9] === PROTOCOL_ICMP && buffer[icmp] === IPV4_ECHO_REPLY
      ? icmp
      : 0;
  }
  if (length !== IPV6_PROBE_BYTES) return 0;
  const icmp = offset + IPV6_HEADER_BYTES;
  const isIpv6 = buffer[offset]! >>> 4 === 6 && buffer[offset + 6] === PROTOCOL_ICMPV6;
  return isIpv6 && buffer[icmp] === IPV6_ECHO_REPLY ? icmp : 0;
}

/** The question that the reply with its ICMP header at `icmp` names. */
export function identAt(buffer: Uint8Array, icmp: number): number {
  return buffer[icmp + IDENT_OFFSET]! << 8 | buffer[icmp + IDENT_OFFSET + 1]!;
}

/** The length that it names. */
export function sequenceAt(buffer: Uint8Array, icmp: number): number {
  return buffer[icmp + SEQUENCE_OFFSET]! << 8 | buffer[icmp + SEQUENCE_OFFSET + 1]!;
}

/** Whether it repeats `cookie`. */
export function hasCookie(buffer: Uint8Array, icmp: number, cookie: Uint8Array): boolean {
  for (let i = 0; i < PROBE_COOKIE_BYTES; i++) {
    if (buffer[icmp + ICMP_HEADER_BYTES + i] !== cookie[i]) return false;
  }
  return true;
}
