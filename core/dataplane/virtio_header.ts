/**
 * The header in front of every packet of a TUN device with offloads: `struct virtio_net_hdr` (Virtual I/O Device
 * Specification 1.3 §5.1.6), ten bytes, little-endian.
 *
 * ```text
 *   0      1         2         4         6            8             10
 * [ flags | gso_type | hdr_len | gso_size | csum_start | csum_offset ]
 * ```
 *
 * `gso_type` other than none makes the packet a super-packet: its payload is to be cut into segments of `gso_size`
 * bytes. `NEEDS_CSUM` says that the checksum `csum_offset` bytes behind `csum_start` has only the pseudo-header in it.
 *
 * @module
 */
import { VIRTIO_HEADER_BYTES } from "../seams/tun.ts";

/** Where the fields are. */
export const VIRTIO = {
  bytes: VIRTIO_HEADER_BYTES,
  flags: 0,
  gsoType: 1,
  headerBytes: 2,
  gsoSize: 4,
  checksumStart: 6,
  checksumOffset: 8,
} as const;

/** The bit in `flags` of a packet whose checksum is to be completed. */
export const NEEDS_CSUM = 1;

/** Values of `gso_type`. UDP here is UDP_L4, segments that are datagrams of their own; the older kind cuts fragments. */
export const GSO = { none: 0, tcp4: 1, tcp6: 4, udp: 5 } as const;
/** The bit in `gso_type` of a TCP super-packet with CWR, which only the first segment has (RFC 3168 §6.1.2). */
export const GSO_ECN = 0x80;

/** A super-packet, as {@linkcode writeSuperHeader} needs to know it. Bytes are counted from the start of the packet. */
export interface SuperPacket {
  readonly gsoType: number;
  /** Payload of each segment but the last. */
  readonly gsoBytes: number;
  /** IP and transport header. */
  readonly headerBytes: number;
  /** Start of the transport header. */
  readonly transportOffset: number;
  /** Of the checksum in the transport header. */
  readonly checksumOffset: number;
}

/** Fills ten bytes at `offset`: an ordinary packet with its checksum in place. */
export function writePlainHeader(view: DataView, offset: number): void {
  view.setUint32(offset, 0);
  view.setUint32(offset + 4, 0);
  view.setUint16(offset + 8, 0);
}

/** Fills ten bytes at `offset`: a super-packet with a pseudo-header checksum. */
export function writeSuperHeader(view: DataView, offset: number, packet: SuperPacket): void {
  view.setUint8(offset + VIRTIO.flags, NEEDS_CSUM);
  view.setUint8(offset + VIRTIO.gsoType, packet.gsoType);
  view.setUint16(offset + VIRTIO.headerBytes, packet.headerBytes, true);
  view.setUint16(offset + VIRTIO.gsoSize, packet.gsoBytes, true);
  view.setUint16(offset + VIRTIO.checksumStart, packet.transportOffset, true);
  view.setUint16(offset + VIRTIO.checksumOffset, packet.checksumOffset, true);
}
