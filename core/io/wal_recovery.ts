/**
 * Reading the segments back after a stop or a crash.
 *
 * One writer syncs each batch before it starts the next one. So only the newest batch of the newest segment can be
 * unfinished; it was never acknowledged and does not count. Its remains stay where they are, and the log goes on in a new
 * segment: overwriting them could be torn as well, and would look like damage then. Everything else that is not as it
 * was written, in particular a sector with a later batch number behind an incomplete batch, is damage:
 * {@linkcode CorruptLogError}.
 *
 * Leaves out: repair of damaged entries from other members. A member with a damaged log refuses to start rather than
 * vote with a shortened one.
 *
 * @module
 */
import type { Disk } from "../seams/disk.ts";
import { ConfigError } from "../plugin/errors.ts";
import { CorruptLogError } from "../seams/log_store.ts";
import { Slab } from "../bytes/slab.ts";
import { readFile } from "./disk_files.ts";
import { readTrailer, SECTOR_BYTES, SECTOR_CONTENT_BYTES, type Trailer, unpackBatch } from "./wal_layout.ts";
import { decodeRecord, extendChain } from "./wal_record.ts";
import { WalReplay } from "./wal_replay.ts";
import { decodeSegmentHeader, type SegmentHeader, segmentNumber, WAL_FORMAT_VERSION } from "./wal_segment.ts";

/** A segment that gets no more batches. */
export interface SealedSegment {
  readonly path: string;
  /** Index of the newest entry when it was sealed: no entry in it that still counts has a higher one. */
  readonly lastIndex: number;
}

/** The newest segment. */
export interface ActiveSegment {
  readonly path: string;
  readonly segment: number;
  readonly sectors: number;
  /** Where the next batch would go. */
  readonly nextSector: number;
  /** All sectors before `nextSector`. */
  readonly content: Uint8Array;
  /** True if an unfinished batch left whole sectors there, so that no batch may go there. */
  readonly hasRemains: boolean;
}

/** What the segments hold and where the log goes on. */
export interface RecoveredWal {
  readonly replay: WalReplay;
  readonly nextBatch: number;
  readonly chain: number;
  readonly sealed: readonly SealedSegment[];
  /** `undefined` if there is no segment at all. */
  readonly active: ActiveSegment | undefined;
}

/** How far the batches have been read. */
interface Position {
  readonly replay: WalReplay;
  batch: number;
  chain: number;
}

/**
 * Reads all segments in `directory`.
 *
 * @param identity Checksum of the owner's identity, which every segment must carry.
 * @throws {CorruptLogError} If acknowledged bytes are damaged or missing.
 * @throws {ConfigError} If the log is somebody else's or has a newer format.
 */
export async function recoverWal(disk: Disk, directory: string, identity: number): Promise<RecoveredWal> {
  const names = (await disk.list(directory)).filter((name) => segmentNumber(name) !== undefined);
  const sealed: SealedSegment[] = [];
  let position: Position | undefined;
  let active: ActiveSegment | undefined;
  let ahead = readAhead(disk, directory, names[0]);
  for (const [place, name] of names.entries()) {
    const path = `${directory}/${name}`;
    const bytes = await ahead;
    ahead = readAhead(disk, directory, names[place + 1]);
    const header = checkedHeader(bytes, path, identity);
    if (position && active) {
      checkSuccession(header, path, active, position);
      sealed.push({ path: active.path, lastIndex: position.replay.state.lastIndex });
    }
    position ??= { replay: new WalReplay(header.firstIndex), batch: header.firstBatch, chain: header.chain };
    const nextSector = readBatches(bytes, header, path, position);
    const isNewest = name === names.at(-1);
    const hasRemains = isNewest && findRemains(bytes, header, path, nextSector, position.batch);
    const content = bytes.subarray(0, nextSector * SECTOR_BYTES);
    active = { path, segment: header.segment, sectors: header.sectors, nextSector, content, hasRemains };
  }
  const { replay, batch, chain } = position ?? { replay: new WalReplay(1), batch: 1, chain: 0 };
  return { replay, nextBatch: batch, chain, sealed, active };
}

/** The disk reads the next segment while this one is looked at. Whoever stops before does not want to hear of it. */
function readAhead(disk: Disk, directory: string, name: string | undefined): Promise<Uint8Array> {
  const reading = name === undefined ? Promise.resolve(new Uint8Array()) : readFile(disk, `${directory}/${name}`);
  reading.catch(() => {});
  return reading;
}

function checkedHeader(bytes: Uint8Array, path: string, identity: number): SegmentHeader {
  const header = decodeSegmentHeader(bytes);
  if (!header) throw new CorruptLogError(path, 0, "the segment header is damaged");
  if (header.version > WAL_FORMAT_VERSION) {
    throw new ConfigError(
      `Write-ahead log has format version ${header.version}, this program reads up to ${WAL_FORMAT_VERSION}: ${path}`,
      "Run the version of Weft that wrote it, or a newer one.",
    );
  }
  if (header.identity !== identity) {
    throw new ConfigError(
      `Write-ahead log belongs to another node: ${path}`,
      "Give each node a data directory of its own; never copy one.",
    );
  }
  if (header.segment !== segmentNumber(path.slice(path.lastIndexOf("/") + 1))) {
    throw new CorruptLogError(path, 16, `the file holds segment ${header.segment}`);
  }
  if (bytes.length < header.sectors * SECTOR_BYTES) {
    throw new CorruptLogError(path, bytes.length, `the file ends before its ${header.sectors} sectors`);
  }
  return header;
}

/** The segments join without a gap, or acknowledged batches are missing. */
function checkSuccession(header: SegmentHeader, path: string, before: ActiveSegment, position: Position): void {
  if (header.segment !== before.segment + 1) {
    throw new CorruptLogError(path, 16, `segment ${before.segment + 1} is missing in front of it`);
  }
  const { replay, batch, chain } = position;
  const joins = header.firstBatch === batch && header.chain === chain;
  if (!joins || header.firstIndex !== replay.state.lastIndex + 1) {
    throw new CorruptLogError(before.path, before.nextSector * SECTOR_BYTES, `batch ${batch} is incomplete or missing`);
  }
}

/** Batches as they are read: most are of one sector. */
const CONTENT = new Slab();

/** Applies all whole batches. Returns the sector behind them. */
function readBatches(bytes: Uint8Array, header: SegmentHeader, path: string, position: Position): number {
  let sector = 1;
  for (;;) {
    const sectors = wholeBatchSectors(bytes, header, path, sector, position.batch);
    if (sectors === 0) return sector;
    applyBatch(unpackBatch(bytes, sector, sectors, CONTENT), path, sector, position);
    position.batch++;
    sector += sectors;
  }
}

/** The sectors of `batch` if it lies whole at `sector`; 0 if it is not there or a crash kept it from being written. */
function wholeBatchSectors(
  bytes: Uint8Array,
  header: SegmentHeader,
  path: string,
  sector: number,
  batch: number,
): number {
  if (sector === header.sectors) return 0;
  const first = checkedTrailer(bytes, header, path, sector, batch);
  if (first.kind === "unwritten") return 0;
  const end = sector + first.sectorsLeft;
  for (let i = sector + 1; i < end; i++) {
    if (i === header.sectors) throw damage(path, sector, "a batch runs past the end of its segment");
    const trailer = checkedTrailer(bytes, header, path, i, batch);
    if (trailer.kind === "unwritten") return 0;
    if (i + trailer.sectorsLeft !== end) throw damage(path, i, "the sectors of a batch disagree about its length");
  }
  return first.sectorsLeft;
}

/** Only `batch`, the one being written when the program stopped, may have left something in a sector. */
function checkedTrailer(
  bytes: Uint8Array,
  header: SegmentHeader,
  path: string,
  sector: number,
  batch: number,
): Exclude<Trailer, { kind: "damaged" }> {
  const trailer = readTrailer(bytes, header.segment, sector);
  if (trailer.kind === "damaged") throw damage(path, sector, "the sector's trailer is damaged");
  if (trailer.kind === "written" && (trailer.batch !== batch || trailer.sectorsLeft === 0)) {
    throw damage(path, sector, `a sector of batch ${trailer.batch} where batch ${batch} belongs`);
  }
  return trailer;
}

/** Applies the records of one whole batch to `position`. */
function applyBatch(content: Uint8Array, path: string, sector: number, position: Position): void {
  let recordsCount = 0;
  for (let offset = 0;; recordsCount++) {
    const decoded = decodeRecord(content, offset);
    if (typeof decoded === "string") throw recordDamage(path, sector, offset, decoded);
    const { record, checksum, end } = decoded;
    const problem = position.replay.apply(record);
    if (problem !== undefined) throw recordDamage(path, sector, offset, problem);
    if (record.kind === "commit") {
      const isRight = record.recordsCount === recordsCount && record.chain === position.chain;
      if (!isRight) throw recordDamage(path, sector, offset, "the batch does not follow from the records before it");
      if (!isZero(content, end)) throw recordDamage(path, sector, end, "bytes behind the end of the batch");
      position.chain = extendChain(position.chain, checksum);
      return;
    }
    position.chain = extendChain(position.chain, checksum);
    offset = end;
  }
}

/**
 * Whether any of the sectors from `sector` on was written in full, which an unfinished `batch` must explain. Sectors
 * that were not can be written again: torn once more, they still end in zero.
 */
function findRemains(bytes: Uint8Array, header: SegmentHeader, path: string, sector: number, batch: number): boolean {
  let end: number | undefined;
  for (let i = sector; i < header.sectors; i++) {
    const trailer = checkedTrailer(bytes, header, path, i, batch);
    if (trailer.kind === "unwritten") continue;
    end ??= i + trailer.sectorsLeft;
    if (i + trailer.sectorsLeft !== end) throw damage(path, i, "the sectors of a batch disagree about its length");
  }
  return end !== undefined;
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

function damage(path: string, sector: number, why: string): CorruptLogError {
  return new CorruptLogError(path, sector * SECTOR_BYTES, why);
}

/** Damage at `offset` of the content of the batch at `sector`. */
function recordDamage(path: string, sector: number, offset: number, why: string): CorruptLogError {
  const sectorOffset = (sector + Math.floor(offset / SECTOR_CONTENT_BYTES)) * SECTOR_BYTES;
  return new CorruptLogError(path, sectorOffset + offset % SECTOR_CONTENT_BYTES, why);
}
