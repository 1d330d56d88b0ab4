/**
 * The fields of IPv4 (RFC 791 §3.1) and IPv6 (RFC 8200 §3) headers that routing needs, read from packet bytes in
 * place. Hot: numbers in, numbers out, nothing allocated, and every read is inside the packet.
 *
 * Leaves out: options, extension headers and ports; they belong to the packet filter.
 *
 * @module
 */
import { IpAddress, type IpFamily } from "./address.ts";

/** Bytes of an IPv4 header without options. */
export const IPV4_HEADER_BYTES = 20;
/** Bytes of the fixed IPv6 header. */
export const IPV6_HEADER_BYTES = 40;

/**
 * The IP version of the packet of `length` bytes at `offset`; 0 if it is neither 4 nor 6 or shorter than that
 * version's fixed header. Borrows.
 */
export function ipFamilyAt(buffer: Uint8Array, offset: number, length: number): IpFamily | 0 {
  if (length < IPV4_HEADER_BYTES || offset < 0 || offset + length > buffer.length) return 0;
  const version = buffer[offset]! >>> 4;
  if (version === 4) return 4;
  return version === 6 && length >= IPV6_HEADER_BYTES ? 6 : 0;
}

/**
 * The length that the header states, header included: what is left of the `length` bytes is padding. 0 if the packet
 * is malformed, shorter than its header or longer than `length`. Borrows.
 */
export function ipTotalLengthAt(buffer: Uint8Array, offset: number, length: number): number {
  const family = ipFamilyAt(buffer, offset, length);
  if (family === 0) return 0;
  if (family === 6) {
    const totalBytes = IPV6_HEADER_BYTES + (buffer[offset + 4]! << 8 | buffer[offset + 5]!);
    return totalBytes <= length ? totalBytes : 0;
  }
  const headerBytes = (buffer[offset]! & 0xf) * 4;
  const totalBytes = buffer[offset + 2]! << 8 | buffer[offset + 3]!;
  return headerBytes >= IPV4_HEADER_BYTES && totalBytes >= headerBytes && totalBytes <= length ? totalBytes : 0;
}

/** Where the source address starts, counted from the start of the packet: 4 or 16 bytes follow. */
export function ipSourceOffset(family: IpFamily): number {
  return family === 4 ? 12 : 8;
}

/** Where the destination address starts, counted from the start of the packet: 4 or 16 bytes follow. */
export function ipDestinationOffset(family: IpFamily): number {
  return family === 4 ? 16 : 24;
}

/** The source address, for logs and answers; `undefined` if there is none. Allocates. */
export function ipSourceAt(buffer: Uint8Array, offset: number, length: number): IpAddress | undefined {
  const family = ipFamilyAt(buffer, offset, length);
  return family === 0 ? undefined : addressAt(buffer, offset + ipSourceOffset(family), family);
}

/** The destination address, for logs and answers; `undefined` if there is none. Allocates. */
export function ipDestinationAt(buffer: Uint8Array, offset: number, length: number): IpAddress | undefined {
  const family = ipFamilyAt(buffer, offset, length);
  return family === 0 ? undefined : addressAt(buffer, offset + ipDestinationOffset(family), family);
}

function addressAt(buffer: Uint8Array, offset: number, family: IpFamily): IpAddress | undefined {
  return IpAddress.fromBytes(buffer.subarray(offset, offset + (family === 4 ? 4 : 16)));
}
