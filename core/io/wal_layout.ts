/**
 * How batches lie on the sectors of a segment, so that a torn write and damaged bytes can be told from each other.
 *
 * A segment is written once, from zeros. A batch is a whole number of 512-byte sectors, so no write touches a sector
 * that holds acknowledged bytes. Each sector ends in a trailer:
 *
 * ```text
 * [0, 496)    content of the batch, see wal_record.ts; zeros behind the last record
 * [496, 502)  batch number, u48 little-endian
 * [502, 504)  sectors left in the batch, this one included, u16 little-endian
 * [504, 508)  CRC-32C of segment number (u64), sector number (u64) and bytes [496, 504)
 * [508, 512)  the mark, "WEFT"
 * ```
 *
 * A sector that a crash kept from being written in full still ends in the zeros that were there before: it is
 * `unwritten`. A sector whose last byte is not zero was written in full; if its trailer is wrong then, no crash
 * explains it: it is `damaged`. The content itself is covered by the checksums of its records.
 *
 * Leaves out: disks that leave garbage in a sector they did not finish; such a tail is reported as damage.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { crc32c } from "../bytes/crc32c.ts";
import type { Slab } from "../bytes/slab.ts";

/** The unit of a torn write. */
export const SECTOR_BYTES = 512;
/** Bytes of a sector that carry content. */
export const SECTOR_CONTENT_BYTES = 496;
/** The trailer counts sectors in 16 bits. */
export const BATCH_SECTORS_MAX = 0xffff;

const TRAILER_BYTES = 16;
/** "WEFT" as a little-endian integer; its last byte is not zero, which is what matters. */
const MARK = 0x54464557;
const TWO_POW_32 = 0x1_0000_0000;

assert(SECTOR_CONTENT_BYTES + TRAILER_BYTES === SECTOR_BYTES, "Content and trailer fill a sector");
assert(SECTOR_CONTENT_BYTES % 8 === 0, "Records stay aligned across sectors");
assert(MARK >>> 24 !== 0, "A written sector does not end in zero");

/** What a sector's trailer says. */
export type Trailer =
  | { readonly kind: "unwritten" }
  | { readonly kind: "damaged" }
  | { readonly kind: "written"; readonly batch: number; readonly sectorsLeft: number };

const UNWRITTEN: Trailer = { kind: "unwritten" };
const DAMAGED: Trailer = { kind: "damaged" };

/** Sectors that `contentBytes` of records take. */
export function sectorsFor(contentBytes: number): number {
  return Math.ceil(contentBytes / SECTOR_CONTENT_BYTES);
}

/** Where a batch goes. */
export interface BatchPlace {
  readonly segment: number;
  /** First sector, counted from the start of the segment's file. */
  readonly sector: number;
  readonly batch: number;
}

/** Fills `target`, a whole number of sectors, with `content` and the trailers of `place`. Borrows `content`. */
export function packBatch(content: Uint8Array, place: BatchPlace, target: Uint8Array): void {
  const sectors = target.length / SECTOR_BYTES;
  assert(sectors === sectorsFor(content.length) && sectors >= 1, "A batch fills its sectors");
  assert(sectors <= BATCH_SECTORS_MAX, "A batch's sectors can be counted");
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let i = 0; i < sectors; i++) {
    const part = content.subarray(i * SECTOR_CONTENT_BYTES, (i + 1) * SECTOR_CONTENT_BYTES);
    const start = i * SECTOR_BYTES;
    target.set(part, start);
    target.fill(0, start + part.length, start + SECTOR_CONTENT_BYTES);
    const at = start + SECTOR_CONTENT_BYTES;
    view.setUint32(at, place.batch % TWO_POW_32, true);
    view.setUint16(at + 4, place.batch / TWO_POW_32, true);
    view.setUint16(at + 6, sectors - i, true);
    view.setUint32(at + 8, crc32c(target, at, 8, placeSeed(place.segment, place.sector + i)), true);
    view.setUint32(at + 12, MARK, true);
  }
}

/** Judges sector `sector` of the file `segment`, whose bytes are all in `file`. Borrows. */
export function readTrailer(file: Uint8Array, segment: number, sector: number): Trailer {
  const at = sector * SECTOR_BYTES + SECTOR_CONTENT_BYTES;
  if (file[at + TRAILER_BYTES - 1] === 0) return UNWRITTEN;
  const view = new DataView(file.buffer, file.byteOffset + at, TRAILER_BYTES);
  if (view.getUint32(12, true) !== MARK) return DAMAGED;
  if (view.getUint32(8, true) !== crc32c(file, at, 8, placeSeed(segment, sector))) return DAMAGED;
  return {
    kind: "written",
    batch: view.getUint16(4, true) * TWO_POW_32 + view.getUint32(0, true),
    sectorsLeft: view.getUint16(6, true),
  };
}

/** Returns the content of `sectors` sectors from `sector` on, without trailers, as a copy from `slab`. Borrows. */
export function unpackBatch(file: Uint8Array, sector: number, sectors: number, slab: Slab): Uint8Array<ArrayBuffer> {
  const content = slab.take(sectors * SECTOR_CONTENT_BYTES);
  for (let i = 0; i < sectors; i++) {
    const start = (sector + i) * SECTOR_BYTES;
    content.set(file.subarray(start, start + SECTOR_CONTENT_BYTES), i * SECTOR_CONTENT_BYTES);
  }
  return content;
}

/** A sector that the disk put in the wrong place fails its checksum. */
function placeSeed(segment: number, sector: number): number {
  PLACE_VIEW.setUint32(0, segment % TWO_POW_32, true);
  PLACE_VIEW.setUint32(4, segment / TWO_POW_32, true);
  PLACE_VIEW.setUint32(8, sector, true);
  return crc32c(PLACE);
}

/** Segment number and sector number, u64 each; the upper half of the latter stays zero. */
const PLACE = new Uint8Array(16);
const PLACE_VIEW = new DataView(PLACE.buffer);
