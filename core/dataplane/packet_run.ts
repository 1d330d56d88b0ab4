/**
 * Packets of one flow that follow each other and become one super-packet.
 *
 * What may be joined is what Linux's own receive offload joins (`tcp_gro_receive`, `udp_gro_receive`): headers are equal
 * but for what counts on from packet to packet, payloads are as long as the first one, only the last may be shorter.
 * Cutting the super-packet gives the same packets again, except that the identification of unfragmentable IPv4 packets,
 * which means nothing (RFC 6864 §4.1), counts on from the first.
 *
 * @module
 */
import { checksumOf } from "../ip/checksum.ts";
import { ipSourceOffset, IPV4_HEADER_BYTES, IPV6_HEADER_BYTES } from "../ip/header.ts";
import type { Tun } from "../seams/tun.ts";
import { InnerPacket } from "./inner_packet.ts";
import type { PacketMemory } from "./packet_memory.ts";
import { CWR, FIN, pseudoHeaderSum, PSH, TCP, TCP_PROTOCOL, UDP } from "./transport_header.ts";
import { GSO, GSO_ECN, VIRTIO, writePlainHeader, writeSuperHeader } from "./virtio_header.ts";

/** Bytes of a super-packet: IPv4's length field has 16 bits. */
export const RUN_BYTES_MAX = 65_535;
/** Packets in a run. Linux before 6.9 takes 64 datagrams; a run of TCP this long is worth its one system call. */
export const RUN_PACKETS_MAX = 64;

/** IPv4 Don't-Fragment. */
const DONT_FRAGMENT = 0x4000;
/** The flags of TCP that may differ: the last segment of a run may have the first two, the first one the third. */
const ENDING_FLAGS = FIN | PSH;

/** A run of at least one packet. Reused: `begin` overwrites it. */
export class PacketRun {
  readonly #memory: PacketMemory;
  readonly #first: InnerPacket;
  /** Offset and length of each piece of the super-packet: the virtio header with the first packet, then payloads. */
  readonly #pieces = new Uint32Array(2 * RUN_PACKETS_MAX);
  #count = 0;
  #totalBytes = 0;
  #isOpen = false;
  /** Payload of each packet but the last. */
  #segmentBytes = 0;
  #nextSequence = 0;
  #nextIdentification = 0;
  /** FIN and PSH of the last packet. */
  #endingFlags = 0;

  /** For packets in `memory`. */
  constructor(memory: PacketMemory) {
    this.#memory = memory;
    this.#first = new InnerPacket(memory);
  }

  /** Packets in it. */
  get count(): number {
    return this.#count;
  }

  /** Starts with a copy of what is known of `packet`, whose bytes stay where they are until `write`. */
  begin(packet: InnerPacket, isOpen: boolean): void {
    this.#first.copyFrom(packet);
    this.#count = 0;
    this.#totalBytes = packet.length;
    this.#segmentBytes = packet.payloadBytes;
    this.#isOpen = isOpen;
    this.#push(packet.offset - VIRTIO.bytes, VIRTIO.bytes + packet.length);
    if (isOpen) this.#advance(packet);
  }

  /** No packet may join any more. */
  close(): void {
    this.#isOpen = false;
  }

  /** Whether it is open, and for packets with the addresses, protocol and ports of this one. */
  isOpenFor(packet: InnerPacket): boolean {
    const first = this.#first;
    if (!this.#isOpen || packet.protocol !== first.protocol || packet.family !== first.family) return false;
    const { view } = this.#memory;
    const ports = view.getUint32(first.offset + first.transportOffset);
    if (view.getUint32(packet.offset + packet.transportOffset) !== ports) return false;
    const addresses = ipSourceOffset(first.family);
    const addressBytes = first.family === 4 ? 8 : 32;
    return this.#isEqual(packet, addresses, addressBytes);
  }

  /**
   * Adds an intact packet of the same flow if it may follow what is there.
   *
   * @returns False if it was not added; the run is then of no use to later packets either.
   */
  join(packet: InnerPacket): boolean {
    const payloadBytes = packet.payloadBytes;
    const isFitting = packet.headerBytes === this.#first.headerBytes && payloadBytes <= this.#segmentBytes &&
      this.#totalBytes + payloadBytes <= RUN_BYTES_MAX && this.#count < RUN_PACKETS_MAX;
    if (!isFitting || !this.#hasSameIpHeader(packet)) return false;
    if (packet.protocol === TCP_PROTOCOL && !this.#isNextSegment(packet)) return false;
    this.#push(packet.offset + packet.headerBytes, payloadBytes);
    this.#totalBytes += payloadBytes;
    if (payloadBytes < this.#segmentBytes) this.#isOpen = false;
    this.#advance(packet);
    return true;
  }

  /** Borrows the run to `tun` as one packet. Overwrites headers. False if the device refused it. */
  write(tun: Pick<Tun, "write" | "writeGathered">): boolean {
    const { bytes, view } = this.#memory;
    const { offset, length } = this.#first;
    if (this.#count === 1) {
      writePlainHeader(view, offset - VIRTIO.bytes);
      return tun.write(bytes, offset, length);
    }
    this.#becomeSuperPacket();
    return tun.writeGathered(bytes, this.#pieces, this.#count);
  }

  #push(offset: number, bytes: number): void {
    this.#pieces[2 * this.#count] = offset;
    this.#pieces[2 * this.#count + 1] = bytes;
    this.#count++;
  }

  /** Notes what the packet after this one has to have. */
  #advance(packet: InnerPacket): void {
    const { bytes, view } = this.#memory;
    const { offset, transportOffset } = packet;
    if (packet.family === 4) this.#nextIdentification = view.getUint16(offset + 4) + 1 & 0xffff;
    if (packet.protocol !== TCP_PROTOCOL) return;
    const at = offset + transportOffset;
    this.#nextSequence = view.getUint32(at + TCP.sequence) + packet.payloadBytes >>> 0;
    this.#endingFlags = bytes[at + TCP.flags]! & ENDING_FLAGS;
    if (this.#endingFlags !== 0) this.#isOpen = false;
  }

  #hasSameIpHeader(packet: InnerPacket): boolean {
    const { bytes, view } = this.#memory;
    const a = packet.offset;
    const b = this.#first.offset;
    // Version, traffic class and flow label; hop limit.
    if (packet.family === 6) return view.getUint32(a) === view.getUint32(b) && bytes[a + 7] === bytes[b + 7];
    const fragmentation = view.getUint16(a + 6);
    const isInOrder = (fragmentation & DONT_FRAGMENT) !== 0 || view.getUint16(a + 4) === this.#nextIdentification;
    // Version, header length and type of service; Don't-Fragment; time to live.
    return isInOrder && view.getUint16(a) === view.getUint16(b) && fragmentation === view.getUint16(b + 6) &&
      bytes[a + 8] === bytes[b + 8];
  }

  #isNextSegment(packet: InnerPacket): boolean {
    const { bytes, view } = this.#memory;
    const transport = packet.transportOffset;
    const a = packet.offset + transport;
    const b = this.#first.offset + transport;
    const flags = bytes[a + TCP.flags]!;
    const different = flags ^ bytes[b + TCP.flags]!;
    if ((flags & CWR) !== 0 || (different & ~(ENDING_FLAGS | CWR)) !== 0) return false;
    const isInOrder = view.getUint32(a + TCP.sequence) === this.#nextSequence &&
      view.getUint32(a + TCP.acknowledgment) === view.getUint32(b + TCP.acknowledgment);
    return isInOrder && bytes[a + TCP.dataOffset] === bytes[b + TCP.dataOffset] &&
      view.getUint16(a + TCP.window) === view.getUint16(b + TCP.window) &&
      this.#isEqual(packet, transport + TCP.options, packet.headerBytes - transport - TCP.options);
  }

  /** Compares whole words at `at`, counted from the start of each packet. */
  #isEqual(packet: InnerPacket, at: number, length: number): boolean {
    const { view } = this.#memory;
    const a = packet.offset + at;
    const b = this.#first.offset + at;
    for (let i = 0; i < length; i += 4) if (view.getInt32(a + i) !== view.getInt32(b + i)) return false;
    return true;
  }

  /** Makes the first packet's headers those of all. */
  #becomeSuperPacket(): void {
    const { view } = this.#memory;
    const { offset, family, protocol, transportOffset, headerBytes } = this.#first;
    const isTcp = protocol === TCP_PROTOCOL;
    if (family === 4) {
      view.setUint16(offset + 2, this.#totalBytes);
      view.setUint16(offset + 10, 0);
      view.setUint16(offset + 10, checksumOf(this.#memory.sum(offset, IPV4_HEADER_BYTES)));
    } else {
      view.setUint16(offset + 4, this.#totalBytes - IPV6_HEADER_BYTES);
    }
    const at = offset + transportOffset;
    const transportBytes = this.#totalBytes - transportOffset;
    const checksumOffset = isTcp ? TCP.checksum : UDP.checksum;
    let gsoType: number = GSO.udp;
    if (isTcp) {
      const flags = view.getUint8(at + TCP.flags) | this.#endingFlags;
      view.setUint8(at + TCP.flags, flags);
      gsoType = (family === 4 ? GSO.tcp4 : GSO.tcp6) | ((flags & CWR) === 0 ? 0 : GSO_ECN);
    } else {
      view.setUint16(at + UDP.length, transportBytes);
    }
    view.setUint16(at + checksumOffset, pseudoHeaderSum(this.#memory, offset, family, protocol, transportBytes));
    const gsoBytes = this.#segmentBytes;
    writeSuperHeader(view, offset - VIRTIO.bytes, { gsoType, gsoBytes, headerBytes, transportOffset, checksumOffset });
  }
}
