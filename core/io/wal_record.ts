/**
 * Records: what the content of a batch is made of.
 *
 * ```text
 * [0, 4)    CRC-32C of everything behind it, padding included
 * [4, 8)    payload length in bytes
 * [8]       kind
 * [9]       entry type, otherwise zero
 * [10, 16)  zero
 * [16, 24)  index
 * [24, 32)  term
 * [32, …)   payload, then zeros up to a multiple of eight
 * ```
 *
 * Integers are little-endian; indexes, terms and ids stay below 2^53. What index, term and payload mean follows from
 * the kind, see `writeFields` and `decodeFields`.
 *
 * @module
 */
import type { Entry, EntryType, HardState } from "../seams/log_store.ts";
import { assert } from "../assert.ts";
import { crc32c } from "../bytes/crc32c.ts";
import { ByteReader } from "../bytes/reader.ts";

/** The largest payload of one entry. */
export const ENTRY_BYTES_MAX = 16 << 20;
/** Snapshots that count: the newest, and the one before in case the newest does not verify. */
export const SNAPSHOTS_KEPT_MAX = 2;

const HEADER_BYTES = 32;
const DIGEST_BYTES = 32;
const SNAPSHOT_MARK_BYTES = 24 + DIGEST_BYTES;
const TWO_POW_32 = 0x1_0000_0000;

/** Which snapshot files belong to the log. */
export interface SnapshotMark {
  readonly index: number;
  readonly term: number;
  /** Tells two snapshots of one index apart; part of the file names. */
  readonly id: number;
  /** SHA-256 of the manifest, which in turn holds that of the data. */
  readonly manifestDigest: Uint8Array;
}

/** One record. */
export type WalRecord =
  | { readonly kind: "entry"; readonly entry: Entry }
  | { readonly kind: "hard-state"; readonly hardState: HardState }
  /** Entries from `fromIndex` on are void. */
  | { readonly kind: "truncate"; readonly fromIndex: number }
  /** A snapshot of this member's own state; the log stays. */
  | { readonly kind: "snapshot-saved"; readonly mark: SnapshotMark }
  /** A snapshot of the leader's state; the log before it is void. */
  | { readonly kind: "snapshot-installed"; readonly mark: SnapshotMark }
  /** All snapshots that count, oldest first; repeated at the start of each segment. */
  | { readonly kind: "snapshots-kept"; readonly marks: readonly SnapshotMark[] }
  /** The end of a batch. `chain` is the running checksum of the checksums of all records since the log began. */
  | { readonly kind: "commit"; readonly lastIndex: number; readonly recordsCount: number; readonly chain: number };

/** Numbers on disk: their place in this list plus one. Append only. */
const KINDS: readonly WalRecord["kind"][] = [
  "entry",
  "hard-state",
  "truncate",
  "snapshot-saved",
  "snapshot-installed",
  "snapshots-kept",
  "commit",
];

/** Numbers on disk: their place in this list. Append only. */
const ENTRY_TYPES: readonly EntryType[] = ["normal", "conf-change", "conf-change-v2"];

/** Header fields and payload of a record. */
interface Fields {
  readonly detail: number;
  readonly index: number;
  readonly term: number;
  readonly payload: Uint8Array;
}

/** The number of each kind on disk. */
const KIND_NUMBERS: ReadonlyMap<WalRecord["kind"], number> = new Map(KINDS.map((kind, place) => [kind, place + 1]));

/** Returns the bytes of `records`, one behind the other, with copies of their payloads. */
export function encodeRecords(records: readonly WalRecord[]): Uint8Array {
  const bytes = new Uint8Array(recordsBytes(records));
  writeRecords(records, bytes, 0);
  return bytes;
}

/** What {@linkcode writeRecords} fills. */
export function recordsBytes(records: readonly WalRecord[]): number {
  let bytes = 0;
  for (const record of records) {
    const length = payloadBytes(record);
    assert(length <= ENTRY_BYTES_MAX, "A record's payload is within its limit");
    bytes += HEADER_BYTES + padded(length);
  }
  return bytes;
}

function payloadBytes(record: WalRecord): number {
  switch (record.kind) {
    case "entry":
      return record.entry.data.length;
    case "hard-state":
    case "commit":
      return 8;
    case "truncate":
      return 0;
    case "snapshot-saved":
    case "snapshot-installed":
      return SNAPSHOT_MARK_BYTES;
    case "snapshots-kept":
      return record.marks.length * SNAPSHOT_MARK_BYTES;
  }
}

/**
 * Fills `target` from `offset` on with `records`, one behind the other. Borrows both.
 *
 * @returns Where they end.
 */
export function writeRecords(records: readonly WalRecord[], target: Uint8Array, offset: number): number {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  let start = offset;
  for (const record of records) {
    const length = payloadBytes(record);
    const payloadEnd = start + HEADER_BYTES + length;
    const end = start + HEADER_BYTES + padded(length);
    view.setUint32(start + 4, length, true);
    writeFields(record, target, view, start);
    for (let at = payloadEnd; at < end; at++) target[at] = 0;
    view.setUint32(start, crc32c(target, start + 4, end - start - 4), true);
    start = end;
  }
  return start;
}

/** Fills kind, detail, index, term and payload of the record at `start`. */
function writeFields(record: WalRecord, target: Uint8Array, view: DataView, start: number): void {
  const payload = start + HEADER_BYTES;
  switch (record.kind) {
    case "entry": {
      const { index, term, type, data } = record.entry;
      writeHeader(view, start, record.kind, ENTRY_TYPES.indexOf(type), index, term);
      return target.set(data, payload);
    }
    case "hard-state": {
      const { term, vote, commit } = record.hardState;
      writeHeader(view, start, record.kind, 0, commit, term);
      return writeU64(view, payload, vote);
    }
    case "truncate":
      return writeHeader(view, start, record.kind, 0, record.fromIndex, 0);
    case "snapshot-saved":
    case "snapshot-installed":
      writeHeader(view, start, record.kind, 0, 0, 0);
      return writeMark(record.mark, target, view, payload);
    case "snapshots-kept":
      assert(record.marks.length <= SNAPSHOTS_KEPT_MAX, "No more snapshots count than are kept");
      writeHeader(view, start, record.kind, 0, 0, 0);
      return record.marks.forEach((mark, i) => writeMark(mark, target, view, payload + i * SNAPSHOT_MARK_BYTES));
    case "commit":
      writeHeader(view, start, record.kind, 0, record.lastIndex, 0);
      view.setUint32(payload, record.recordsCount, true);
      return view.setUint32(payload + 4, record.chain, true);
  }
}

function writeHeader(
  view: DataView,
  start: number,
  kind: WalRecord["kind"],
  detail: number,
  index: number,
  term: number,
): void {
  view.setUint32(start + 8, (KIND_NUMBERS.get(kind) ?? 0) | detail << 8, true);
  view.setUint32(start + 12, 0, true);
  writeU64(view, start + 16, index);
  writeU64(view, start + 24, term);
}

function writeMark(
  { index, term, id, manifestDigest }: SnapshotMark,
  target: Uint8Array,
  view: DataView,
  at: number,
): void {
  assert(manifestDigest.length === DIGEST_BYTES, "A manifest's digest is a SHA-256");
  writeU64(view, at, index);
  writeU64(view, at + 8, term);
  writeU64(view, at + 16, id);
  target.set(manifestDigest, at + 24);
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function writeU64(view: DataView, at: number, value: number): void {
  assert(isIndex(value), "A record's numbers fit");
  view.setUint32(at, value % TWO_POW_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_POW_32), true);
}

/** A record, and where the next one starts. */
export interface DecodedRecord {
  readonly record: WalRecord;
  readonly checksum: number;
  readonly end: number;
}

/**
 * Reads the record at `offset`. Returns what is wrong with it as text. The data of an entry are a view of `content`, which
 * must stay as it is: a start reads hundreds of thousands of entries, and a copy of each costs more than all the rest.
 */
export function decodeRecord(content: Uint8Array, offset: number): DecodedRecord | string {
  if (offset + 8 > content.length) return "a record starts too close to the end of its batch";
  const checksum = u32At(content, offset);
  const length = u32At(content, offset + 4);
  const end = offset + HEADER_BYTES + padded(length);
  if (end > content.length) return `a record of ${length} bytes is longer than its batch`;
  if (crc32c(content, offset + 4, end - offset - 4) !== checksum) return "a record's checksum is wrong";
  const kind = KINDS[(content[offset + 8] ?? 0) - 1];
  const detail = content[offset + 9] ?? 0;
  const index = u64At(content, offset + 16);
  const term = u64At(content, offset + 24);
  if (kind === undefined) return "a record's kind is unknown";
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(term)) return "a record's numbers are too large";
  const payload = content.subarray(offset + HEADER_BYTES, offset + HEADER_BYTES + length);
  const record = decodeFields(kind, { detail, index, term, payload });
  return record ? { record, checksum, end } : `the payload of a record of kind ${kind} is malformed`;
}

function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;
}

function u64At(bytes: Uint8Array, at: number): number {
  return u32At(bytes, at + 4) * TWO_POW_32 + u32At(bytes, at);
}

function decodeFields(kind: WalRecord["kind"], fields: Fields): WalRecord | undefined {
  const { detail, index, term, payload } = fields;
  if (kind === "entry") {
    const type = ENTRY_TYPES[detail];
    return type && { kind, entry: { index, term, type, data: payload } };
  }
  const reader = new ByteReader(payload);
  switch (kind) {
    case "hard-state": {
      const vote = reader.u53le();
      return vote === undefined ? undefined : { kind, hardState: { term, vote, commit: index } };
    }
    case "truncate":
      return { kind, fromIndex: index };
    case "snapshot-saved":
    case "snapshot-installed": {
      const marks = decodeMarks(reader);
      return marks?.length === 1 && marks[0] ? { kind, mark: marks[0] } : undefined;
    }
    case "snapshots-kept": {
      const marks = decodeMarks(reader);
      return marks && { kind, marks };
    }
    case "commit": {
      const recordsCount = reader.u32le();
      const chain = reader.u32le();
      if (recordsCount === undefined || chain === undefined) return undefined;
      return { kind, lastIndex: index, recordsCount, chain };
    }
  }
}

function decodeMarks(reader: ByteReader): SnapshotMark[] | undefined {
  const marks: SnapshotMark[] = [];
  if (reader.remaining > SNAPSHOTS_KEPT_MAX * SNAPSHOT_MARK_BYTES) return undefined;
  while (reader.remaining > 0) {
    const index = reader.u53le();
    const term = reader.u53le();
    const id = reader.u53le();
    const manifestDigest = reader.bytes(DIGEST_BYTES)?.slice();
    if (index === undefined || term === undefined || id === undefined || !manifestDigest) return undefined;
    marks.push({ index, term, id, manifestDigest });
  }
  return marks;
}

/** Records stay aligned to eight bytes. */
function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** The running checksum after a record with `checksum`: two logs with equal chains hold equal records. */
export function extendChain(chain: number, checksum: number): number {
  CHECKSUM_VIEW.setUint32(0, checksum, true);
  return crc32c(CHECKSUM, 0, 4, chain);
}

/** Where {@linkcode extendChain} puts the number that it takes the checksum of. */
const CHECKSUM = new Uint8Array(4);
const CHECKSUM_VIEW = new DataView(CHECKSUM.buffer);

/** Counts the whole records in `content` and extends `chain` by them. Borrows; `content` is our own encoding. */
export function chainRecords(content: Uint8Array, chain: number): { recordsCount: number; chain: number } {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  let recordsCount = 0;
  for (let offset = 0; offset < content.length; recordsCount++) {
    chain = crc32c(content, offset, 4, chain);
    offset += HEADER_BYTES + padded(view.getUint32(offset + 4, true));
  }
  return { recordsCount, chain };
}
