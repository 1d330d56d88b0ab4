/**
 * Packets and super-packets as the kernel hands them to a TUN device, with nothing in them: for the rehearsal.
 *
 * @module
 */
import type { IpFamily } from "../ip/address.ts";
import { checksumOf } from "../ip/checksum.ts";
import { ipDestinationOffset, ipSourceOffset, IPV4_HEADER_BYTES, IPV6_HEADER_BYTES } from "../ip/header.ts";
import type { PacketMemory } from "./packet_memory.ts";
import { pseudoHeaderSum, SYN, TCP, TCP_PROTOCOL, UDP, UDP_HEADER_BYTES, UDP_PROTOCOL } from "./transport_header.ts";
import { GSO, VIRTIO, writeSuperHeader } from "./virtio_header.ts";

/** What a packet looks like. */
export interface RehearsalShape {
  readonly family: IpFamily;
  readonly protocol: "echo" | "tcp" | "udp";
  /** Of TCP. */
  readonly flags?: number;
  /** Of TCP; unless told one that is larger than compilers like whole numbers. */
  readonly sequence?: number;
  readonly payloadBytes: number;
  /** Payload of each segment of a super-packet; 0 for one packet. */
  readonly segmentBytes?: number;
}

const ICMP_PROTOCOL = 1;
const ICMPV6_PROTOCOL = 58;
const ECHO_REQUEST = 8;
const ECHO_REQUEST6 = 128;
const TTL = 64;
const DONT_FRAGMENT = 0x4000;
const WINDOW = 502;
const SEQUENCE = 0xd000_0000;
const SOURCE_PORT = 40_000;
const DESTINATION_PORT = 5_201;
/** With twelve bytes of options. */
const TCP_HEADER_BYTES = 32;
/** Two bytes of nothing and a timestamp; for SYN the largest segment and nothing (RFC 7323 §3, RFC 9293 §3.2). */
const TIMESTAMP_OPTIONS = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1];
const SYN_OPTIONS = [2, 4, 5, 180, 1, 1, 1, 1, 1, 1, 1, 1];
/** 10.0.0.1 and fd00::1, 10.0.0.2 and fd00::2. */
const SOURCES = { 4: [10, 0, 0, 1], 6: [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] } as const;
const DESTINATIONS = { 4: [10, 0, 0, 2], 6: [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2] } as const;

/**
 * Writes a packet at `at`, with its virtio header in front; the kernel would have left checksums of TCP and UDP to the
 * device.
 *
 * @returns The packet's length without the virtio header.
 */
export function writeRehearsalPacket(memory: PacketMemory, at: number, shape: RehearsalShape): number {
  const { bytes, view } = memory;
  const { family, protocol, payloadBytes, segmentBytes = 0 } = shape;
  const transport = family === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  const headerBytes = transport + (protocol === "tcp" ? TCP_HEADER_BYTES : UDP_HEADER_BYTES);
  const length = headerBytes + payloadBytes;
  bytes.fill(0, at - VIRTIO.bytes, at + length);

  const number = protocol === "tcp" ? TCP_PROTOCOL : protocol === "udp" ? UDP_PROTOCOL : echoProtocol(family);
  bytes.set(SOURCES[family], at + ipSourceOffset(family));
  bytes.set(DESTINATIONS[family], at + ipDestinationOffset(family));
  if (family === 4) {
    bytes[at] = 0x45;
    view.setUint16(at + 2, length);
    view.setUint16(at + 6, DONT_FRAGMENT);
    view.setUint16(at + 8, TTL << 8 | number);
    view.setUint16(at + 10, checksumOf(memory.sum(at, IPV4_HEADER_BYTES)));
  } else {
    bytes[at] = 0x60;
    view.setUint16(at + 4, length - IPV6_HEADER_BYTES);
    view.setUint16(at + 6, number << 8 | TTL);
  }

  const start = at + transport;
  if (protocol === "echo") {
    bytes[start] = family === 4 ? ECHO_REQUEST : ECHO_REQUEST6;
    return length;
  }
  view.setUint16(start, SOURCE_PORT);
  view.setUint16(start + 2, DESTINATION_PORT);
  const transportBytes = length - transport;
  if (protocol === "tcp") {
    const { flags = 0, sequence = SEQUENCE } = shape;
    view.setUint32(start + TCP.sequence, sequence);
    bytes[start + TCP.dataOffset] = TCP_HEADER_BYTES / 4 << 4;
    bytes[start + TCP.flags] = flags;
    view.setUint16(start + TCP.window, WINDOW);
    bytes.set((flags & SYN) === 0 ? TIMESTAMP_OPTIONS : SYN_OPTIONS, start + TCP.options);
  } else {
    view.setUint16(start + UDP.length, transportBytes);
  }
  const checksumOffset = protocol === "tcp" ? TCP.checksum : UDP.checksum;
  view.setUint16(start + checksumOffset, pseudoHeaderSum(memory, at, family, number, transportBytes));
  writeSuperHeader(view, at - VIRTIO.bytes, {
    gsoType: segmentBytes === 0 ? GSO.none : protocol === "udp" ? GSO.udp : family === 4 ? GSO.tcp4 : GSO.tcp6,
    gsoBytes: segmentBytes,
    headerBytes,
    transportOffset: transport,
    checksumOffset,
  });
  return length;
}

function echoProtocol(family: IpFamily): number {
  return family === 4 ? ICMP_PROTOCOL : ICMPV6_PROTOCOL;
}
