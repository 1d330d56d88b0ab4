/**
 * CRC-32C, the Castagnoli polynomial (RFC 3720 §12.1), eight bytes per step ("slicing-by-8"): guards records of the
 * write-ahead log against torn writes and rot. Not a defence against an adversary.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** 0x1EDC6F41 with its bits reversed: the register shifts right. */
const POLYNOMIAL = 0x82f63b78;
const TABLES = makeTables();

/**
 * The checksum of `bytes[offset .. offset + length)`. Borrows.
 *
 * @param seed The checksum of the bytes before these, 0 if there are none: parts give the same as the whole.
 * @returns An unsigned 32-bit integer.
 */
export function crc32c(bytes: Uint8Array, offset = 0, length: number = bytes.length - offset, seed = 0): number {
  assert(offset >= 0 && length >= 0 && offset + length <= bytes.length, "A checksummed range lies inside its bytes");
  const t = TABLES;
  const end = offset + length;
  let crc = ~seed;
  let i = offset;
  for (; i + 8 <= end; i += 8) {
    const low = crc ^ (bytes[i]! | bytes[i + 1]! << 8 | bytes[i + 2]! << 16 | bytes[i + 3]! << 24);
    // Table k advances a byte by k more bytes of zeros, so that eight lookups stand for eight dependent steps.
    crc = t[0x700 | low & 0xff]! ^ t[0x600 | low >>> 8 & 0xff]! ^ t[0x500 | low >>> 16 & 0xff]! ^
      t[0x400 | low >>> 24]! ^ t[0x300 | bytes[i + 4]!]! ^ t[0x200 | bytes[i + 5]!]! ^ t[0x100 | bytes[i + 6]!]! ^
      t[bytes[i + 7]!]!;
  }
  for (; i < end; i++) crc = t[(crc ^ bytes[i]!) & 0xff]! ^ crc >>> 8;
  return ~crc >>> 0;
}

/** Eight tables of 256: entry `k << 8 | b` is the register after byte `b` and `k` zero bytes. */
function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let entry = 256; entry < tables.length; entry++) {
    const crc = tables[entry - 256]!;
    tables[entry] = crc >>> 8 ^ tables[crc & 0xff]!;
  }
  return tables;
}
