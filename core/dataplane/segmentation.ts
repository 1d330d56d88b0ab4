/**
 * Cuts super-packets from a TUN device into packets, as the kernel would for a network card that cannot, and completes
 * checksums that the kernel left to the card.
 *
 * ```text
 * [virtio | IP | TCP | p a y l o a d ]  ->  [IP | TCP | pay] [IP | TCP | loa] [IP | TCP | d]
 * ```
 *
 * Each segment has the headers of the super-packet with lengths, checksums, IPv4 identification and TCP sequence number
 * of its own; FIN and PSH are on the last one only, CWR on the first one only (RFC 3168 §6.1.2). Payload is copied and
 * summed in one pass; what the segments' headers have in common is summed once.
 *
 * Leaves out UDP fragmentation offload, which Weft never asks the kernel for.
 *
 * @module
 */
import type { IpFamily } from "../ip/address.ts";
import { checksumOf, foldSum } from "../ip/checksum.ts";
import { ipFamilyAt, IPV4_HEADER_BYTES, IPV6_HEADER_BYTES } from "../ip/header.ts";
import type { PacketMemory } from "./packet_memory.ts";
import {
  CWR,
  FIN,
  pseudoHeaderSum,
  PSH,
  TCP,
  TCP_HEADER_BYTES_MIN,
  TCP_PROTOCOL,
  UDP,
  UDP_HEADER_BYTES,
  UDP_PROTOCOL,
} from "./transport_header.ts";
import { GSO, GSO_ECN, NEEDS_CSUM, VIRTIO } from "./virtio_header.ts";

/**
 * Segments of one super-packet. Linux makes no TCP segments below 48 bytes (`tcp_min_snd_mss`) with up to 12 of them
 * timestamps, so 65535 bytes are at most 1820 segments; a UDP super-packet has at most 128.
 */
export const SEGMENTS_MAX = 2048;

/** IPv4 More-Fragments and fragment offset. */
const FRAGMENT_MASK = 0x3fff;

/** What is done with the packet that was begun. */
const NOTHING = 0;
const COPY = 1;
const COMPLETE_CHECKSUM = 2;
const CUT_TCP = 3;
const CUT_UDP = 4;

/** Cuts one packet at a time: `begin`, then `next` until `nextBytes` is 0. */
export class Segmenter {
  readonly #memory: PacketMemory;
  #task = NOTHING;
  /** Offset of the packet that is cut. */
  #source = 0;
  #bytes = 0;
  /** Start of the transport header, or of whatever is summed, in the packet. */
  #transport = 0;
  /** Of the checksum, from `#transport`. */
  #checksumOffset = 0;
  #isSummed = false;
  #family: IpFamily = 4;
  /** IP and transport header. */
  #headerBytes = 0;
  /** Payload of each segment but the last. */
  #segmentBytes = 0;
  /** Payload that was taken. */
  #taken = 0;
  /** What all IPv4 headers add up to, but for length and identification. */
  #ipSum = 0;
  #identification = 0;
  /** What all pseudo and transport headers add up to, but for what differs. */
  #transportSum = 0;
  #sequence = 0;
  #flags = 0;

  /** Works on packets in `memory`. */
  constructor(memory: PacketMemory) {
    this.#memory = memory;
  }

  /**
   * Takes the packet of `length` bytes at `offset`, with its virtio header in front. It stays as it is until the last
   * segment was taken.
   *
   * @returns False if header and packet do not make sense; there is nothing to take then.
   */
  begin(offset: number, length: number): boolean {
    const { bytes, view } = this.#memory;
    const header = offset - VIRTIO.bytes;
    const flags = bytes[header + VIRTIO.flags]!;
    const gsoType = bytes[header + VIRTIO.gsoType]!;
    this.#source = offset;
    this.#bytes = length;
    this.#taken = 0;
    this.#task = NOTHING;
    const isPartial = (flags & NEEDS_CSUM) !== 0;
    if (isPartial) {
      this.#transport = view.getUint16(header + VIRTIO.checksumStart, true);
      this.#checksumOffset = view.getUint16(header + VIRTIO.checksumOffset, true);
      if (this.#transport + this.#checksumOffset + 2 > length) return false;
    }
    if (gsoType === GSO.none) {
      this.#task = length === 0 ? NOTHING : isPartial ? COMPLETE_CHECKSUM : COPY;
      return length > 0;
    }
    this.#segmentBytes = view.getUint16(header + VIRTIO.gsoSize, true);
    this.#task = this.#beginCutting(gsoType, isPartial);
    return this.#task !== NOTHING;
  }

  /** Bytes of the next segment; 0 if all were taken. */
  get nextBytes(): number {
    if (this.#task === NOTHING) return 0;
    if (this.#task === COPY || this.#task === COMPLETE_CHECKSUM) return this.#bytes;
    return this.#headerBytes + Math.min(this.#segmentBytes, this.#bytes - this.#headerBytes - this.#taken);
  }

  /** Fills {@linkcode Segmenter.nextBytes} bytes at `target`, clear of the packet that was begun. */
  next(target: number): void {
    switch (this.#task) {
      case COPY:
        this.#memory.copySum(target, this.#source, this.#bytes);
        this.#task = NOTHING;
        return;
      case COMPLETE_CHECKSUM:
        this.#completeChecksum(target);
        this.#task = NOTHING;
        return;
      case CUT_TCP:
      case CUT_UDP:
        return this.#cut(target);
    }
  }

  #completeChecksum(target: number): void {
    const memory = this.#memory;
    const start = this.#transport;
    memory.copySum(target, this.#source, start);
    const sum = memory.copySum(target + start, this.#source + start, this.#bytes - start);
    memory.view.setUint16(target + start + this.#checksumOffset, neverZero(checksumOf(sum)));
  }

  /** Examines a super-packet and sums what all segments have in common. */
  #beginCutting(gsoType: number, isPartial: boolean): number {
    const { bytes, view } = this.#memory;
    const source = this.#source;
    const family = ipFamilyAt(bytes, source, this.#bytes);
    if (family === 0) return NOTHING;
    const isTcp = gsoType !== GSO.udp;
    if (isTcp && (gsoType & ~GSO_ECN) !== (family === 4 ? GSO.tcp4 : GSO.tcp6)) return NOTHING;
    this.#family = family;
    const protocol = isTcp ? TCP_PROTOCOL : UDP_PROTOCOL;
    const checksumOffset = isTcp ? TCP.checksum : UDP.checksum;
    if (isPartial && this.#checksumOffset !== checksumOffset) return NOTHING;
    this.#checksumOffset = checksumOffset;
    const transport = this.#findTransport(protocol, isPartial);
    if (transport === 0 || transport + (isTcp ? TCP_HEADER_BYTES_MIN : UDP_HEADER_BYTES) > this.#bytes) return NOTHING;
    this.#transport = transport;
    const transportBytes = isTcp ? (bytes[source + transport + TCP.dataOffset]! >>> 4) * 4 : UDP_HEADER_BYTES;
    this.#headerBytes = transport + transportBytes;
    const payloadBytes = this.#bytes - this.#headerBytes;
    if (isTcp && transportBytes < TCP_HEADER_BYTES_MIN || payloadBytes <= 0) return NOTHING;
    if (this.#segmentBytes === 0 || payloadBytes > this.#segmentBytes * SEGMENTS_MAX) return NOTHING;

    if (family === 4) this.#sumIpv4Header();
    const at = source + transport;
    const wholeBytes = this.#bytes - transport;
    const pseudoSum = isPartial
      // What the kernel put there is the sum with the length of the whole: that is taken out again (RFC 1624 §3).
      ? foldSum(view.getUint16(at + checksumOffset) + (wholeBytes ^ 0xffff))
      : pseudoHeaderSum(this.#memory, source, family, protocol, 0);
    this.#isSummed = isTcp || isPartial || view.getUint16(at + UDP.checksum) !== 0;
    if (isTcp) this.#sumTcpHeader(at, transportBytes, pseudoSum);
    else this.#transportSum = pseudoSum + view.getUint16(at) + view.getUint16(at + 2);
    return isTcp ? CUT_TCP : CUT_UDP;
  }

  /** Where the header of `protocol` starts; 0 if there is none. */
  #findTransport(protocol: number, isPartial: boolean): number {
    const { bytes, view } = this.#memory;
    const source = this.#source;
    if (this.#family === 4) {
      const ipBytes = (bytes[source]! & 0xf) * 4;
      const isWhole = (view.getUint16(source + 6) & FRAGMENT_MASK) === 0;
      const isFound = ipBytes >= IPV4_HEADER_BYTES && isWhole && bytes[source + 9] === protocol &&
        (!isPartial || this.#transport === ipBytes);
      return isFound ? ipBytes : 0;
    }
    if (bytes[source + 6] === protocol && (!isPartial || this.#transport === IPV6_HEADER_BYTES)) {
      return IPV6_HEADER_BYTES;
    }
    // Behind extension headers, whose end the kernel knows.
    return isPartial && this.#transport > IPV6_HEADER_BYTES ? this.#transport : 0;
  }

  #sumIpv4Header(): void {
    const memory = this.#memory;
    const source = this.#source;
    this.#identification = memory.view.getUint16(source + 4);
    this.#ipSum = memory.sum(source, 2) + memory.sum(source + 6, 4) + memory.sum(source + 12, this.#transport - 12);
  }

  #sumTcpHeader(at: number, bytes: number, pseudoSum: number): void {
    const memory = this.#memory;
    this.#sequence = memory.view.getUint32(at + TCP.sequence);
    this.#flags = memory.bytes[at + TCP.flags]!;
    this.#transportSum = pseudoSum + memory.sum(at, TCP.sequence) + memory.sum(at + TCP.acknowledgment, 4) +
      (memory.bytes[at + TCP.dataOffset]! << 8) + memory.sum(at + TCP.window, 2) +
      memory.sum(at + TCP.urgent, bytes - TCP.urgent);
  }

  #cut(target: number): void {
    const memory = this.#memory;
    const { view } = memory;
    const headerBytes = this.#headerBytes;
    const payload = this.#source + headerBytes + this.#taken;
    const payloadBytes = Math.min(this.#segmentBytes, this.#bytes - headerBytes - this.#taken);
    memory.copySum(target, this.#source, headerBytes);
    const payloadSum = memory.copySum(target + headerBytes, payload, payloadBytes);
    const totalBytes = headerBytes + payloadBytes;
    const transportBytes = totalBytes - this.#transport;
    const isFirst = this.#taken === 0;
    const isLast = headerBytes + this.#taken + payloadBytes === this.#bytes;

    if (this.#family === 4) {
      view.setUint16(target + 2, totalBytes);
      view.setUint16(target + 4, this.#identification);
      view.setUint16(target + 10, checksumOf(this.#ipSum + totalBytes + this.#identification));
      this.#identification = this.#identification + 1 & 0xffff;
    } else {
      view.setUint16(target + 4, totalBytes - IPV6_HEADER_BYTES);
    }
    const at = target + this.#transport;
    if (this.#task === CUT_TCP) {
      const flags = this.#flags & ~(isLast ? 0 : FIN | PSH) & ~(isFirst ? 0 : CWR);
      const sequence = this.#sequence + this.#taken >>> 0;
      const sum = this.#transportSum + transportBytes + flags + (sequence >>> 16) + (sequence & 0xffff) + payloadSum;
      view.setUint32(at + TCP.sequence, sequence);
      view.setUint8(at + TCP.flags, flags);
      view.setUint16(at + TCP.checksum, checksumOf(sum));
    } else {
      view.setUint16(at + UDP.length, transportBytes);
      const checksum = neverZero(checksumOf(this.#transportSum + 2 * transportBytes + payloadSum));
      view.setUint16(at + UDP.checksum, this.#isSummed ? checksum : 0);
    }
    this.#taken += payloadBytes;
    if (isLast) this.#task = NOTHING;
  }
}

/** In UDP a checksum of 0 means that there is none; both zeros of one's complement are equal (RFC 768). */
function neverZero(checksum: number): number {
  return checksum === 0 ? 0xffff : checksum;
}
