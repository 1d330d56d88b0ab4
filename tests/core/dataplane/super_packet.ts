/**
 * Packets and super-packets to order, as a kernel with offloads makes them, and random ones.
 *
 * @module
 */
import fc from "fast-check";
import { NEEDS_CSUM, VIRTIO, writeSuperHeader } from "../../../core/dataplane/virtio_header.ts";
import { checksumOf, foldSum, isIntactSum, sumBytes } from "../../../core/ip/checksum.ts";

/** What a packet looks like. */
export interface PacketShape {
  readonly family: 4 | 6;
  readonly protocol: "tcp" | "udp";
  /** Host part of the addresses. */
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Type of service or traffic class. */
  readonly trafficClass: number;
  readonly hopLimit: number;
  /** IPv4 only. */
  readonly identification: number;
  readonly dontFragment: boolean;
  /** IPv6 only. */
  readonly flowLabel: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly window: number;
  /** TCP flags. */
  readonly flags: number;
  /** TCP options, a multiple of four bytes. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

/** An ordinary TCP segment of a transfer. */
export const PLAIN_SHAPE: PacketShape = {
  family: 4,
  protocol: "tcp",
  source: 1,
  destination: 2,
  sourcePort: 40000,
  destinationPort: 80,
  trafficClass: 0,
  hopLimit: 64,
  identification: 0x1234,
  dontFragment: true,
  flowLabel: 0x12345,
  sequence: 1_000_000,
  acknowledgment: 2_000_000,
  window: 502,
  flags: 0x10,
  options: Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9),
  payload: new Uint8Array(0),
};

/** A shape that differs from the plain one in `part`. */
export function shape(part: Partial<PacketShape> = {}): PacketShape {
  return { ...PLAIN_SHAPE, ...part };
}

/** `length` bytes that differ from place to place. */
export function payloadOfLength(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 167 + (index >>> 6) + seed);
}

/** Start of the transport header. */
export function transportOffsetOf(shape: PacketShape): number {
  return shape.family === 4 ? 20 : 40;
}

/** Bytes of IP and transport header. */
export function headerBytesOf(shape: PacketShape): number {
  return transportOffsetOf(shape) + (shape.protocol === "tcp" ? 20 + shape.options.length : 8);
}

/** Where the transport checksum is, counted from the transport header. */
export function checksumOffsetOf(shape: PacketShape): number {
  return shape.protocol === "tcp" ? 16 : 6;
}

/** The packet, with complete checksums or with the pseudo-header's sum in the transport header. */
export function buildPacket(shape: PacketShape, checksum: "complete" | "partial" = "complete"): Uint8Array {
  const { family, payload } = shape;
  const transport = transportOffsetOf(shape);
  const packet = new Uint8Array(headerBytesOf(shape) + payload.length);
  const view = new DataView(packet.buffer);
  const protocol = shape.protocol === "tcp" ? 6 : 17;
  const transportBytes = packet.length - transport;
  if (family === 4) {
    view.setUint16(0, 0x4500 | shape.trafficClass);
    view.setUint16(2, packet.length);
    view.setUint16(4, shape.identification);
    view.setUint16(6, shape.dontFragment ? 0x4000 : 0);
    view.setUint16(8, shape.hopLimit << 8 | protocol);
    packet.set([10, 0, 0, shape.source, 10, 0, 0, shape.destination], 12);
    view.setUint16(10, checksumOf(sumBytes(view, 0, 20)));
  } else {
    view.setUint32(0, (6 << 28 | shape.trafficClass << 20 | shape.flowLabel) >>> 0);
    view.setUint16(4, transportBytes);
    view.setUint16(6, protocol << 8 | shape.hopLimit);
    packet.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, shape.source], 8);
    packet.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, shape.destination], 24);
  }
  view.setUint16(transport, shape.sourcePort);
  view.setUint16(transport + 2, shape.destinationPort);
  if (shape.protocol === "tcp") {
    view.setUint32(transport + 4, shape.sequence);
    view.setUint32(transport + 8, shape.acknowledgment);
    view.setUint16(transport + 12, (5 + shape.options.length / 4) << 12 | shape.flags);
    view.setUint16(transport + 14, shape.window);
    packet.set(shape.options, transport + 20);
  } else {
    view.setUint16(transport + 4, transportBytes);
  }
  packet.set(payload, headerBytesOf(shape));
  const pseudoSum = pseudoSumOf(packet);
  const sum = checksum === "partial"
    ? foldSum(pseudoSum)
    : checksumOf(sumBytes(view, transport, transportBytes, pseudoSum));
  const isMangled = shape.protocol === "udp" && checksum === "complete" && sum === 0;
  view.setUint16(transport + checksumOffsetOf(shape), isMangled ? 0xffff : sum);
  return packet;
}

/** The virtio header of a super-packet of this shape. */
export function superHeader(shape: PacketShape, gsoBytes: number): Uint8Array {
  const header = new Uint8Array(VIRTIO.bytes);
  const isTcp = shape.protocol === "tcp";
  writeSuperHeader(new DataView(header.buffer), 0, {
    gsoType: isTcp ? (shape.family === 4 ? 1 : 4) | (shape.flags & 0x80) : 5,
    gsoBytes,
    headerBytes: headerBytesOf(shape),
    transportOffset: transportOffsetOf(shape),
    checksumOffset: checksumOffsetOf(shape),
  });
  return header;
}

/** The virtio header of one packet whose checksum is partial. */
export function partialHeader(shape: PacketShape): Uint8Array {
  const header = new Uint8Array(VIRTIO.bytes);
  const view = new DataView(header.buffer);
  view.setUint8(VIRTIO.flags, NEEDS_CSUM);
  view.setUint16(VIRTIO.checksumStart, transportOffsetOf(shape), true);
  view.setUint16(VIRTIO.checksumOffset, checksumOffsetOf(shape), true);
  return header;
}

/** The packets that a super-packet stands for, each built on its own. */
export function expectedSegments(shape: PacketShape, gsoBytes: number): Uint8Array[] {
  const count = Math.ceil(shape.payload.length / gsoBytes);
  return Array.from({ length: count }, (_, index) => {
    const isLast = index === count - 1;
    const keptFlags = (isLast ? 0xff : ~0x09) & (index === 0 ? 0xff : ~0x80);
    return buildPacket({
      ...shape,
      identification: shape.identification + index & 0xffff,
      sequence: shape.sequence + index * gsoBytes >>> 0,
      flags: shape.flags & keptFlags,
      payload: shape.payload.subarray(index * gsoBytes, (index + 1) * gsoBytes),
    });
  });
}

/** Whether the checksums of IPv4 and of TCP or UDP are right. */
export function hasRightChecksums(packet: Uint8Array): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const transport = packet[0]! >>> 4 === 4 ? 20 : 40;
  if (transport === 20 && !isIntactSum(sumBytes(view, 0, 20))) return false;
  return isIntactSum(sumBytes(view, transport, packet.length - transport, pseudoSumOf(packet)));
}

/** Random super-packets with what they are to be cut into. */
export interface SuperPacketCase {
  readonly shape: PacketShape;
  readonly gsoBytes: number;
}

const bytesOf = (maxLength: number) => fc.uint8Array({ minLength: 0, maxLength });

/** Shapes of all kinds, without payload. */
export const anyShape: fc.Arbitrary<PacketShape> = fc.record({
  family: fc.constantFrom(4 as const, 6 as const),
  protocol: fc.constantFrom("tcp" as const, "udp" as const),
  source: fc.integer({ min: 1, max: 254 }),
  destination: fc.integer({ min: 1, max: 254 }),
  sourcePort: fc.nat(0xffff),
  destinationPort: fc.nat(0xffff),
  trafficClass: fc.nat(0xff),
  hopLimit: fc.nat(0xff),
  identification: fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xfff0, max: 0xffff })),
  dontFragment: fc.boolean(),
  flowLabel: fc.nat(0xfffff),
  sequence: fc.oneof(fc.nat(0xffffffff), fc.integer({ min: 0xffff0000, max: 0xffffffff })),
  acknowledgment: fc.nat(0xffffffff),
  window: fc.nat(0xffff),
  // ACK always; FIN, PSH, ECE and CWR sometimes.
  flags: fc.nat(0xff).map((bits) => bits & 0xc9 | 0x10),
  options: bytesOf(40).map((bytes) => bytes.subarray(0, bytes.length & ~3)),
  payload: fc.constant(new Uint8Array(0)),
});

/** Super-packets of at least two segments, UDP of at most 64, with contents of zeros, ones or anything. */
export const anySuperPacket: fc.Arbitrary<SuperPacketCase> = fc
  .tuple(anyShape, fc.integer({ min: 1, max: 1460 }), fc.integer({ min: 2, max: 64 }), fc.nat(1459), fc.nat(0xffff))
  .map(([shape, gsoBytes, segmentCount, missing, seed]) => {
    const length = Math.min(gsoBytes * segmentCount - missing % gsoBytes, 65_535 - headerBytesOf(shape));
    const payload = payloadOfLength(length, seed);
    if (seed % 3 === 0) { for (let i = 0; i < length; i++) payload[i] = (payload[i]! & 1) * 0xff; }
    return { shape: { ...shape, payload }, gsoBytes };
  })
  .filter(({ shape, gsoBytes }) => shape.payload.length > gsoBytes);

function pseudoSumOf(packet: Uint8Array): number {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const isIpv4 = packet[0]! >>> 4 === 4;
  const transport = isIpv4 ? 20 : 40;
  const protocol = packet[isIpv4 ? 9 : 6]!;
  return sumBytes(view, isIpv4 ? 12 : 8, isIpv4 ? 8 : 32, protocol + packet.length - transport);
}
