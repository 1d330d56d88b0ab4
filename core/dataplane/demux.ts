/**
 * What a datagram on the tunnel's port is, by its first bytes (RFC 7983 §3 is the model).
 *
 * WireGuard: message type 1 to 4, then three zero bytes (WireGuard whitepaper §5.4). STUN: two zero bits, and the magic
 * cookie at byte 4 (RFC 8489 §5). The two cannot be mistaken for each other: a STUN message that looks like WireGuard's
 * types has method 0, which does not exist.
 *
 * @module
 */

/** Who a datagram is for. */
export type DatagramKind = "wireguard" | "stun" | "other";

const WIREGUARD_HEADER_BYTES = 4;
const STUN_HEADER_BYTES = 20;

/** Tells the kind of the datagram of `length` bytes at `offset`. Borrows. */
export function classifyDatagram(buffer: Uint8Array, offset: number, length: number): DatagramKind {
  if (length < WIREGUARD_HEADER_BYTES || offset + length > buffer.length) return "other";
  const first = buffer[offset]!;
  if (first >= 1 && first <= 4 && (buffer[offset + 1]! | buffer[offset + 2]! | buffer[offset + 3]!) === 0) {
    return "wireguard";
  }
  const isStun = length >= STUN_HEADER_BYTES && (first & 0xc0) === 0 && buffer[offset + 4]! === 0x21 &&
    buffer[offset + 5]! === 0x12 && buffer[offset + 6]! === 0xa4 && buffer[offset + 7]! === 0x42;
  return isStun ? "stun" : "other";
}
