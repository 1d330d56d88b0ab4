/**
 * What coalescing needs to know of a packet that came out of the tunnel, read once.
 *
 * @module
 */
import type { IpFamily } from "../ip/address.ts";
import { foldSum, isIntactSum } from "../ip/checksum.ts";
import { ipFamilyAt, ipTotalLengthAt, IPV4_HEADER_BYTES, IPV6_HEADER_BYTES } from "../ip/header.ts";
import type { PacketMemory } from "./packet_memory.ts";
import {
  ACK,
  pseudoHeaderSum,
  RST,
  SYN,
  TCP,
  TCP_HEADER_BYTES_MIN,
  TCP_PROTOCOL,
  UDP,
  UDP_HEADER_BYTES,
  UDP_PROTOCOL,
  URG,
} from "./transport_header.ts";

/** IPv4 More-Fragments and fragment offset. */
const FRAGMENT_MASK = 0x3fff;

/**
 * How well a packet is understood: not at all; its flow is known, but nothing may be joined to it; or it may be joined
 * with its neighbours in the flow.
 */
export type InnerPacketKind = "opaque" | "single" | "joinable";

/** One packet at a time: `read` overwrites it. */
export class InnerPacket {
  kind: InnerPacketKind = "opaque";
  /** Where it starts in memory. */
  offset = 0;
  /** Bytes of it. */
  length = 0;
  family: IpFamily = 4;
  protocol = 0;
  /** Start of the transport header, counted from the start of the packet. */
  transportOffset = 0;
  /** IP and transport header. */
  headerBytes = 0;
  readonly #memory: PacketMemory;

  /** Reads packets in `memory`. */
  constructor(memory: PacketMemory) {
    this.#memory = memory;
  }

  /** Bytes behind the transport header. */
  get payloadBytes(): number {
    return this.length - this.headerBytes;
  }

  /** Takes the packet of `length` bytes at `offset`, which stays as it is while this object is used. */
  read(offset: number, length: number): void {
    this.offset = offset;
    this.length = length;
    this.kind = this.#classify();
  }

  /** Becomes equal to `other`. */
  copyFrom(other: InnerPacket): void {
    this.kind = other.kind;
    this.offset = other.offset;
    this.length = other.length;
    this.family = other.family;
    this.protocol = other.protocol;
    this.transportOffset = other.transportOffset;
    this.headerBytes = other.headerBytes;
  }

  /** Whether the checksums of IPv4 and of TCP or UDP are right; a UDP packet without one has none that is. */
  isIntact(): boolean {
    const memory = this.#memory;
    const { offset, transportOffset } = this;
    if (this.family === 4 && !isIntactSum(memory.sum(offset, transportOffset))) return false;
    const at = offset + transportOffset;
    if (this.protocol === UDP_PROTOCOL && memory.view.getUint16(at + UDP.checksum) === 0) return false;
    const bytes = this.length - transportOffset;
    const pseudoSum = pseudoHeaderSum(memory, offset, this.family, this.protocol, bytes);
    return isIntactSum(foldSum(pseudoSum + memory.sum(at, bytes)));
  }

  #classify(): InnerPacketKind {
    const { bytes, view } = this.#memory;
    const { offset, length } = this;
    const family = ipFamilyAt(bytes, offset, length);
    if (family === 0 || ipTotalLengthAt(bytes, offset, length) !== length) return "opaque";
    this.family = family;
    const ipBytes = family === 4 ? (bytes[offset]! & 0xf) * 4 : IPV6_HEADER_BYTES;
    if (family === 4 && (view.getUint16(offset + 6) & FRAGMENT_MASK) !== 0) return "opaque";
    this.transportOffset = ipBytes;
    this.protocol = bytes[offset + (family === 4 ? 9 : 6)]!;
    const hasOptions = family === 4 && ipBytes !== IPV4_HEADER_BYTES;
    switch (this.protocol) {
      case TCP_PROTOCOL:
        return this.#classifyTcp(hasOptions);
      case UDP_PROTOCOL:
        return this.#classifyUdp(hasOptions);
      default:
        return "opaque";
    }
  }

  #classifyTcp(hasOptions: boolean): InnerPacketKind {
    const at = this.offset + this.transportOffset;
    if (this.length < this.transportOffset + TCP_HEADER_BYTES_MIN) return "opaque";
    const { bytes } = this.#memory;
    const tcpBytes = (bytes[at + TCP.dataOffset]! >>> 4) * 4;
    this.headerBytes = this.transportOffset + tcpBytes;
    if (tcpBytes < TCP_HEADER_BYTES_MIN || this.payloadBytes <= 0 || hasOptions) return "single";
    return (bytes[at + TCP.flags]! & (SYN | RST | URG | ACK)) === ACK ? "joinable" : "single";
  }

  #classifyUdp(hasOptions: boolean): InnerPacketKind {
    const udpBytes = this.length - this.transportOffset;
    if (udpBytes < UDP_HEADER_BYTES) return "opaque";
    this.headerBytes = this.transportOffset + UDP_HEADER_BYTES;
    const statedBytes = this.#memory.view.getUint16(this.offset + this.transportOffset + UDP.length);
    return statedBytes === udpBytes && this.payloadBytes > 0 && !hasOptions ? "joinable" : "single";
  }
}
