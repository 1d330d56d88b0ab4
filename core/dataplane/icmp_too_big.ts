/**
 * The answer to a packet that is too big for the path to its peer: ICMP "fragmentation needed and DF set" (RFC 792 p. 4,
 * with the next-hop MTU of RFC 1191 §4) and ICMPv6 "packet too big" (RFC 4443 §3.2), for the TUN device's own side.
 *
 * Its source is the destination that the packet could not get to, because the kernel takes no packet from outside that
 * claims to come from the host itself, and the way back to that destination leads through the device.
 *
 * Leaves out: how often answers are given, and how much a path carries.
 *
 * @module
 */
import type { IpFamily } from "../ip/address.ts";
import { checksumOf, internetChecksum, sumBytes } from "../ip/checksum.ts";
import { ipFamilyAt, IPV4_HEADER_BYTES, IPV6_HEADER_BYTES } from "../ip/header.ts";

/** An IPv4 answer has at most this many bytes (RFC 1812 §4.3.2.3). */
export const IPV4_ANSWER_BYTES_MAX = 576;
/** An IPv6 answer has at most this many bytes: the least that every link carries (RFC 4443 §2.4 c). */
export const IPV6_ANSWER_BYTES_MAX = 1280;
/** Every IPv6 link carries this much (RFC 8200 §5): senders cut no packet below it, so no answer asks for that. */
export const IPV6_PACKET_BYTES_MIN = 1280;
/** Below this, senders of IPv4 are not asked to go: they would not all believe it, and hosts take this much whole. */
export const IPV4_PACKET_BYTES_MIN = 576;

const ICMP_HEADER_BYTES = 8;
const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;
const TTL = 64;
/** Internetwork control, as routers mark it (RFC 1812 §4.3.2.5). */
const TOS_INTERNET_CONTROL = 0xc0;
const DONT_FRAGMENT = 0x40;
const UNREACHABLE_TYPE = 3;
const FRAGMENTATION_NEEDED_CODE = 4;
const PACKET_TOO_BIG_TYPE = 2;

/** Extension headers that may stand before the upper layer (RFC 8200 §4), and the most that are looked through. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const EXTENSION_HEADERS_MAX = 8;

/**
 * Whether the sender of the packet must be told that it is too big, because nobody on the way may cut it: it is longer
 * than `packetBytesMax`, and either IPv4 with "don't fragment" or IPv6 above the least that every link carries. Borrows;
 * hot.
 */
export function mustShrink(buffer: Uint8Array, offset: number, length: number, packetBytesMax: number): boolean {
  if (length <= packetBytesMax) return false;
  const version = buffer[offset]! >>> 4;
  if (version === 4) return length > IPV4_PACKET_BYTES_MIN && (buffer[offset + 6]! & DONT_FRAGMENT) !== 0;
  return version === 6 && length > IPV6_PACKET_BYTES_MIN;
}

/**
 * Writes the answer to the packet of `length` bytes at `offset` of `packet` into `answer` from `answerOffset`.
 *
 * ICMP errors, fragments, packets to or from groups, and packets without a sender that could be told get none (RFC 1122
 * §3.2.2, RFC 1812 §4.3.2.7, RFC 4443 §2.4 e).
 *
 * @param packetBytesMax What the sender is asked to stay within; see the two least values above.
 * @param answer With room for {@linkcode IPV6_ANSWER_BYTES_MAX} from `answerOffset`.
 * @returns The answer's length, 0 if there is none.
 */
export function writeTooBig(
  packet: Uint8Array,
  offset: number,
  length: number,
  packetBytesMax: number,
  answer: Uint8Array,
  answerOffset: number,
): number {
  const family = ipFamilyAt(packet, offset, length);
  if (family === 0 || !mayAnswer(packet, offset, length, family)) return 0;
  return family === 4
    ? writeIpv4(packet, offset, length, Math.max(packetBytesMax, IPV4_PACKET_BYTES_MIN), answer, answerOffset)
    : writeIpv6(packet, offset, length, Math.max(packetBytesMax, IPV6_PACKET_BYTES_MIN), answer, answerOffset);
}

function mayAnswer(packet: Uint8Array, offset: number, length: number, family: IpFamily): boolean {
  return family === 4 ? mayAnswerIpv4(packet, offset, length) : mayAnswerIpv6(packet, offset, length);
}

function mayAnswerIpv4(packet: Uint8Array, offset: number, length: number): boolean {
  const headerBytes = (packet[offset]! & 0xf) * 4;
  if (headerBytes < IPV4_HEADER_BYTES || headerBytes > length) return false;
  // More fragments, or not the first one.
  if ((packet[offset + 6]! & 0x3f | packet[offset + 7]!) !== 0) return false;
  const [source, destination] = [packet[offset + 12]!, packet[offset + 16]!];
  // This network, loopback, groups, reserved, broadcast.
  if (source === 0 || source === 127 || source >= 224 || destination >= 224) return false;
  if (packet[offset + 9] !== PROTOCOL_ICMP) return true;
  return headerBytes < length && isIpv4Query(packet[offset + headerBytes]!);
}

/** Echo, timestamp, information and mask requests and replies, router discovery; anything else may be an error. */
function isIpv4Query(type: number): boolean {
  return type === 0 || (type >= 8 && type <= 10) || (type >= 13 && type <= 18);
}

function mayAnswerIpv6(packet: Uint8Array, offset: number, length: number): boolean {
  const [source, destination] = [packet[offset + 8]!, packet[offset + 24]!];
  if (source === 0xff || destination === 0xff || isUnspecified(packet, offset + 8)) return false;
  let next = packet[offset + 6]!;
  let at = offset + IPV6_HEADER_BYTES;
  const end = offset + length;
  for (let seen = 0; seen < EXTENSION_HEADERS_MAX; seen++) {
    if (next === FRAGMENT) return false;
    // Error messages have types below 128, and a redirect counts as one.
    if (next === PROTOCOL_ICMPV6) return at < end && packet[at]! >= 128 && packet[at] !== 137;
    if (next !== HOP_BY_HOP && next !== ROUTING && next !== DESTINATION_OPTIONS) return true;
    if (at + 8 > end) return false;
    next = packet[at]!;
    at += (packet[at + 1]! + 1) * 8;
  }
  return false;
}

function isUnspecified(packet: Uint8Array, at: number): boolean {
  let bits = 0;
  for (let i = 0; i < 16; i++) bits |= packet[at + i]!;
  return bits === 0;
}

function writeIpv4(
  packet: Uint8Array,
  offset: number,
  length: number,
  packetBytesMax: number,
  answer: Uint8Array,
  at: number,
): number {
  const icmpAt = at + IPV4_HEADER_BYTES;
  const quoteBytes = Math.min(length, IPV4_ANSWER_BYTES_MAX - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES);
  const totalBytes = IPV4_HEADER_BYTES + ICMP_HEADER_BYTES + quoteBytes;
  answer.fill(0, at, icmpAt + ICMP_HEADER_BYTES);
  answer[at] = 0x45;
  answer[at + 1] = TOS_INTERNET_CONTROL;
  writeWord(answer, at + 2, totalBytes);
  answer[at + 6] = DONT_FRAGMENT;
  answer[at + 8] = TTL;
  answer[at + 9] = PROTOCOL_ICMP;
  answer.set(packet.subarray(offset + 16, offset + 20), at + 12);
  answer.set(packet.subarray(offset + 12, offset + 16), at + 16);
  answer[icmpAt] = UNREACHABLE_TYPE;
  answer[icmpAt + 1] = FRAGMENTATION_NEEDED_CODE;
  writeWord(answer, icmpAt + 6, Math.min(packetBytesMax, 0xffff));
  answer.set(packet.subarray(offset, offset + quoteBytes), icmpAt + ICMP_HEADER_BYTES);
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  writeWord(answer, at + 10, internetChecksum(view, at, IPV4_HEADER_BYTES));
  writeWord(answer, icmpAt + 2, internetChecksum(view, icmpAt, ICMP_HEADER_BYTES + quoteBytes));
  return totalBytes;
}

function writeIpv6(
  packet: Uint8Array,
  offset: number,
  length: number,
  packetBytesMax: number,
  answer: Uint8Array,
  at: number,
): number {
  const icmpAt = at + IPV6_HEADER_BYTES;
  const quoteBytes = Math.min(length, IPV6_ANSWER_BYTES_MAX - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES);
  const icmpBytes = ICMP_HEADER_BYTES + quoteBytes;
  answer.fill(0, at, icmpAt + ICMP_HEADER_BYTES);
  answer[at] = 0x60;
  writeWord(answer, at + 4, icmpBytes);
  answer[at + 6] = PROTOCOL_ICMPV6;
  answer[at + 7] = TTL;
  answer.set(packet.subarray(offset + 24, offset + 40), at + 8);
  answer.set(packet.subarray(offset + 8, offset + 24), at + 24);
  answer[icmpAt] = PACKET_TOO_BIG_TYPE;
  writeWord(answer, icmpAt + 4, packetBytesMax >>> 16);
  writeWord(answer, icmpAt + 6, packetBytesMax & 0xffff);
  answer.set(packet.subarray(offset, offset + quoteBytes), icmpAt + ICMP_HEADER_BYTES);
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  // The pseudo-header of RFC 8200 §8.1: both addresses, length, next header.
  const pseudoSum = sumBytes(view, at + 8, 32, icmpBytes + PROTOCOL_ICMPV6);
  writeWord(answer, icmpAt + 2, checksumOf(sumBytes(view, icmpAt, icmpBytes, pseudoSum)));
  return IPV6_HEADER_BYTES + icmpBytes;
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 8;
  bytes[at + 1] = word & 0xff;
}
