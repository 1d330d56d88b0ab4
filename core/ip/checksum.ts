/**
 * The internet checksum (RFC 1071) of IPv4, TCP, UDP and ICMP, by 32-bit words, and its incremental update (RFC 1624).
 *
 * Sums are plain non-negative integers whose residue modulo 2^16-1 counts, so that parts of a packet and the numbers of
 * a pseudo-header are simply added. Leaves out: UDP's rule that a computed 0 is sent as 0xffff (RFC 768).
 *
 * @module
 */
import { assert } from "../assert.ts";

/** More than any packet has: up to here the two 32-bit accumulators cannot overflow. */
export const CHECKSUM_BYTES_MAX = 131_072;

/**
 * Adds `length` bytes from `offset` to `sum`, as 16-bit big-endian words, the last padded with a zero byte. Borrows.
 *
 * Only the last part of a packet may have an odd length; see {@linkcode appendSum} otherwise.
 *
 * @param sum What other parts added up to, below 2^32.
 * @returns At most 0xffff more than `sum`.
 */
export function sumBytes(view: DataView, offset: number, length: number, sum = 0): number {
  assert(length >= 0 && length <= CHECKSUM_BYTES_MAX, "A packet has at most CHECKSUM_BYTES_MAX bytes");
  // Words are read little-endian, which x86 and ARM do for nothing: RFC 1071 §2(B) lets the bytes be swapped at the end.
  const wordsEnd = offset + (length & ~3);
  let high = 0;
  let all = 0;
  for (let i = offset; i < wordsEnd; i += 4) {
    const word = view.getInt32(i, true);
    high = high + (word >>> 16) | 0;
    all = all + word | 0;
  }
  // `all` is the sum of whole words modulo 2^32: what the high halves did not put there, the low halves did.
  const low = all - (high << 16) >>> 0;
  return sum + swapBytes(foldSum(high + foldSum(low) + tailWords(view, wordsEnd, length & 3)));
}

/** The checksum to put into a packet whose checksum field is zero, or is left out of the range. Borrows. */
export function internetChecksum(view: DataView, offset: number, length: number, sum = 0): number {
  return checksumOf(sumBytes(view, offset, length, sum));
}

/** The checksum that goes with a sum below 2^32: its one's complement. */
export function checksumOf(sum: number): number {
  return foldSum(sum) ^ 0xffff;
}

/** True if a sum over a packet, its checksum included, says that the packet is intact. */
export function isIntactSum(sum: number): boolean {
  return foldSum(sum) === 0xffff;
}

/** A sum below 2^32 as 16 bits, by end-around carry. */
export function foldSum(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return (once >>> 16) + (once & 0xffff);
}

/** The sum of two parts that follow each other, the first of `firstBytes`, even or odd (RFC 1071 §2(A), (B)). */
export function appendSum(first: number, firstBytes: number, second: number): number {
  const folded = foldSum(second);
  return foldSum(first) + (firstBytes & 1 ? swapBytes(folded) : folded);
}

/** The checksum after one 16-bit word of the packet changed (RFC 1624 §3, eqn. 3). */
export function updateChecksum(checksum: number, oldWord: number, newWord: number): number {
  return checksumOf((checksum ^ 0xffff) + (oldWord ^ 0xffff) + newWord);
}

/** The last one to three bytes as little-endian words, padded with zeros. */
function tailWords(view: DataView, offset: number, length: number): number {
  switch (length) {
    case 1:
      return view.getUint8(offset);
    case 2:
      return view.getUint16(offset, true);
    case 3:
      return view.getUint16(offset, true) + view.getUint8(offset + 2);
    default:
      return 0;
  }
}

function swapBytes(word: number): number {
  return word >>> 8 | (word & 0xff) << 8;
}
