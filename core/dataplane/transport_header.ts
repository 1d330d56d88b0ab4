/**
 * Where the fields of TCP (RFC 9293 §3.1) and UDP (RFC 768) headers are, and the sum of their pseudo-headers
 * (RFC 9293 §3.1, RFC 8200 §8.1).
 *
 * @module
 */
import type { IpFamily } from "../ip/address.ts";
import { foldSum } from "../ip/checksum.ts";
import { ipSourceOffset } from "../ip/header.ts";
import type { PacketMemory } from "./packet_memory.ts";

/** IP protocol number of TCP. */
export const TCP_PROTOCOL = 6;
/** IP protocol number of UDP. */
export const UDP_PROTOCOL = 17;

/** Bytes of a TCP header without options. */
export const TCP_HEADER_BYTES_MIN = 20;
/** Bytes of a UDP header. */
export const UDP_HEADER_BYTES = 8;

/** Offsets in a TCP header. */
export const TCP = {
  sequence: 4,
  acknowledgment: 8,
  /** Header length in words in the upper half, reserved bits in the lower one. */
  dataOffset: 12,
  flags: 13,
  window: 14,
  checksum: 16,
  urgent: 18,
  options: 20,
} as const;

/** Offsets in a UDP header. */
export const UDP = { length: 4, checksum: 6 } as const;

/** Bits of a TCP header's flags. */
export const FIN = 0x01;
/** See {@linkcode FIN}. */
export const SYN = 0x02;
/** See {@linkcode FIN}. */
export const RST = 0x04;
/** See {@linkcode FIN}. */
export const PSH = 0x08;
/** See {@linkcode FIN}. */
export const ACK = 0x10;
/** See {@linkcode FIN}. */
export const URG = 0x20;
/** See {@linkcode FIN}. */
export const CWR = 0x80;

/**
 * The sum of addresses, protocol and the `length` of transport header and payload, 0 to 0xffff, for the IP packet at
 * `offset`. Without a routing header, where the last destination would count.
 */
export function pseudoHeaderSum(
  memory: PacketMemory,
  offset: number,
  family: IpFamily,
  protocol: number,
  length: number,
): number {
  const addressBytes = family === 4 ? 8 : 32;
  return foldSum(memory.sum(offset + ipSourceOffset(family), addressBytes) + protocol + length);
}
