/**
 * Segment files: their names, and the header in their first sector.
 *
 * ```text
 * [0, 8)      "WEFT-WAL"
 * [8, 12)     format version
 * [12, 16)    CRC-32C of the identity of the log's owner
 * [16, 24)    segment number, from 1
 * [24, 32)    sectors in the file, this one included
 * [32, 40)    number of the first batch
 * [40, 48)    index of the first entry
 * [48, 52)    chain before the first batch, see wal_record.ts
 * [52, 508)   zeros
 * [508, 512)  CRC-32C of [0, 508)
 * ```
 *
 * A file gets its segment name only once the header and all zeros behind it are on stable storage.
 *
 * @module
 */
import { crc32c } from "../bytes/crc32c.ts";
import { ByteReader } from "../bytes/reader.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { SECTOR_BYTES } from "./wal_layout.ts";

/** What this program writes, and the newest it reads. */
export const WAL_FORMAT_VERSION = 1;
/** Suffix of files that are not, or not yet, part of the log. */
export const TEMPORARY_SUFFIX = ".tmp";

const MAGIC = new TextEncoder().encode("WEFT-WAL");
const CHECKSUM_OFFSET = SECTOR_BYTES - 4;
const NAME_REGEXP = /^([0-9]{16})-([0-9]{16})\.wal$/;

/** What a segment says about itself and about the log before it. */
export interface SegmentHeader {
  readonly version: number;
  readonly identity: number;
  readonly segment: number;
  readonly sectors: number;
  readonly firstBatch: number;
  readonly firstIndex: number;
  readonly chain: number;
}

/** `0000000000000001-0000000000000042.wal`: number and first index; sorts by number. */
export function segmentName(segment: number, firstIndex: number): string {
  return `${String(segment).padStart(16, "0")}-${String(firstIndex).padStart(16, "0")}.wal`;
}

/** The segment number in a file name, `undefined` for other files. */
export function segmentNumber(name: string): number | undefined {
  const digits = NAME_REGEXP.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** What stands in headers for the owner of a log, a text of the caller's choice. */
export function identityChecksum(identity: string): number {
  return crc32c(new TextEncoder().encode(identity));
}

/** Returns one sector. */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  new ByteWriter(sector).bytes(MAGIC).u32le(header.version).u32le(header.identity).u53le(header.segment)
    .u53le(header.sectors).u53le(header.firstBatch).u53le(header.firstIndex).u32le(header.chain);
  new ByteWriter(sector.subarray(CHECKSUM_OFFSET)).u32le(crc32c(sector, 0, CHECKSUM_OFFSET));
  return sector;
}

/** Reads the first sector of `file`; `undefined` unless it is whole and right. Versions are the caller's to judge. */
export function decodeSegmentHeader(file: Uint8Array): SegmentHeader | undefined {
  if (file.length < SECTOR_BYTES) return undefined;
  const checksum = new ByteReader(file.subarray(CHECKSUM_OFFSET)).u32le();
  if (checksum !== crc32c(file, 0, CHECKSUM_OFFSET)) return undefined;
  const reader = new ByteReader(file);
  if (!reader.bytes(MAGIC.length)?.every((byte, i) => byte === MAGIC[i])) return undefined;
  const version = reader.u32le();
  const identity = reader.u32le();
  const segment = reader.u53le();
  const sectors = reader.u53le();
  const firstBatch = reader.u53le();
  const firstIndex = reader.u53le();
  const chain = reader.u32le();
  if (version === undefined || identity === undefined || segment === undefined || sectors === undefined) return;
  if (firstBatch === undefined || firstIndex === undefined || chain === undefined) return;
  return { version, identity, segment, sectors, firstBatch, firstIndex, chain };
}
