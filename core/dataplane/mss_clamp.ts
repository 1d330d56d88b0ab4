/**
 * TCP segments that fit the tunnel: the maximum segment size that the two ends of a connection tell each other (RFC 9293
 * §3.7.1) is lowered to what the path to the peer carries. So connections work where the messages that say "packet too
 * big" are lost, which is the usual reason that transfers hang while pings work.
 *
 * Only the SYN packets of a connection are touched. Leaves out: adding the option where it is missing (536 and 1220 bytes
 * are then meant, RFC 9293 §3.7.1), and TCP behind IPv6 extension headers.
 *
 * @module
 */
import { updateChecksum } from "../ip/checksum.ts";
import { IPV4_HEADER_BYTES, IPV6_HEADER_BYTES } from "../ip/header.ts";

const PROTOCOL_TCP = 6;
const IPV4_PROTOCOL = 9;
const IPV6_NEXT_HEADER = 6;

const TCP_HEADER_BYTES = 20;
const TCP_DATA_OFFSET = 12;
const TCP_FLAGS = 13;
const TCP_CHECKSUM = 16;
const FLAG_SYN = 0x02;

const OPTION_END = 0;
const OPTION_NOTHING = 1;
const OPTION_MSS = 2;
const OPTION_MSS_BYTES = 4;

/**
 * Where the TCP header of a connection's first packet starts in the IP packet of `length` bytes at `offset`; 0 if it is
 * any other packet. Borrows; hot.
 */
export function synHeaderAt(buffer: Uint8Array, offset: number, length: number): number {
  if (length < IPV4_HEADER_BYTES + TCP_HEADER_BYTES) return 0;
  const version = buffer[offset]! >>> 4;
  let tcp = 0;
  if (version === 4) {
    if (buffer[offset + IPV4_PROTOCOL] !== PROTOCOL_TCP) return 0;
    // Further fragments have no TCP header.
    if ((buffer[offset + 6]! & 0x1f | buffer[offset + 7]!) !== 0) return 0;
    tcp = (buffer[offset]! & 0xf) * 4;
    if (tcp < IPV4_HEADER_BYTES) return 0;
  } else if (version === 6) {
    if (buffer[offset + IPV6_NEXT_HEADER] !== PROTOCOL_TCP) return 0;
    tcp = IPV6_HEADER_BYTES;
  } else return 0;
  if (tcp + TCP_HEADER_BYTES > length) return 0;
  return (buffer[offset + tcp + TCP_FLAGS]! & FLAG_SYN) === 0 ? 0 : offset + tcp;
}

/**
 * Lowers the segment size in the packet of `length` bytes at `offset`, if it opens a TCP connection, to what leaves room
 * for headers in an IP packet of `packetBytesMax`; the checksum follows. Malformed options stay as they are. Changes the
 * packet in place; hot.
 *
 * @returns True if the packet was changed.
 */
export function clampMss(buffer: Uint8Array, offset: number, length: number, packetBytesMax: number): boolean {
  const tcp = synHeaderAt(buffer, offset, length);
  if (tcp === 0) return false;
  const ipHeaderBytes = buffer[offset]! >>> 4 === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  const mssMax = packetBytesMax - ipHeaderBytes - TCP_HEADER_BYTES;
  return mssMax >= 1 && clampOptions(buffer, tcp, offset + length, mssMax);
}

function clampOptions(buffer: Uint8Array, tcp: number, packetEnd: number, mssMax: number): boolean {
  const end = Math.min(tcp + (buffer[tcp + TCP_DATA_OFFSET]! >>> 4) * 4, packetEnd);
  let changed = false;
  for (let at = tcp + TCP_HEADER_BYTES; at < end;) {
    const kind = buffer[at]!;
    if (kind === OPTION_END) break;
    if (kind === OPTION_NOTHING) {
      at++;
      continue;
    }
    const bytes = at + 1 < end ? buffer[at + 1]! : 0;
    if (bytes < 2 || at + bytes > end) break;
    if (kind === OPTION_MSS && bytes === OPTION_MSS_BYTES) changed = lower(buffer, tcp, at + 2, mssMax) || changed;
    at += bytes;
  }
  return changed;
}

/** Lowers one size at `at` and makes up for it in the checksum. */
function lower(buffer: Uint8Array, tcp: number, at: number, mssMax: number): boolean {
  const mss = buffer[at]! << 8 | buffer[at + 1]!;
  if (mss <= mssMax) return false;
  buffer[at] = mssMax >>> 8;
  buffer[at + 1] = mssMax & 0xff;
  // The checksum counts 16-bit words from the start of the header; padding may have moved the option off their border.
  const isOdd = (at - tcp & 1) === 1;
  const checksumAt = tcp + TCP_CHECKSUM;
  const checksum = buffer[checksumAt]! << 8 | buffer[checksumAt + 1]!;
  const updated = updateChecksum(checksum, isOdd ? swap(mss) : mss, isOdd ? swap(mssMax) : mssMax);
  buffer[checksumAt] = updated >>> 8;
  buffer[checksumAt + 1] = updated & 0xff;
  return true;
}

function swap(word: number): number {
  return word >>> 8 | (word & 0xff) << 8;
}
