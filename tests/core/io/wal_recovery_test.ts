/**
 * Which damage recovery explains by a crash, and which it refuses.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { Wal } from "../../../core/io/wal.ts";
import { SECTOR_BYTES } from "../../../core/io/wal_layout.ts";
import type { WalRecord } from "../../../core/io/wal_record.ts";
import { recoverWal } from "../../../core/io/wal_recovery.ts";
import { EMPTY_WAL_STATE, type WalState } from "../../../core/io/wal_replay.ts";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  identityChecksum,
  WAL_FORMAT_VERSION,
} from "../../../core/io/wal_segment.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { CorruptLogError } from "../../../core/seams/log_store.ts";
import { readFile } from "../../../core/io/disk_files.ts";
import { MemoryDisk } from "../../twins/memory_disk.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const IDENTITY = "mesh/node";
/** 8 sectors, of which a batch below takes one. */
const OPTIONS = { identity: IDENTITY, segmentBytes: 8 * SECTOR_BYTES };
/** All zeros: what a lost sector holds. */
const DATA = new Uint8Array(300);

/** A log of `batchesCount` batches of one sector, with one entry each. */
async function diskWithBatches(batchesCount: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk(new SeededRandom(1));
  await disk.makeDirectory("/wal");
  const { wal } = await Wal.open(disk, "/wal", OPTIONS);
  let state: WalState = EMPTY_WAL_STATE;
  for (let index = 1; index <= batchesCount; index++) {
    state = { ...state, lastIndex: index };
    const record: WalRecord = { kind: "entry", entry: { term: 1, index, type: "normal", data: DATA } };
    await wal.append([record], state);
  }
  await wal[Symbol.asyncDispose]();
  return disk;
}

function segments(disk: MemoryDisk): string[] {
  return disk.files().map(({ path }) => path).filter((path) => path.endsWith(".wal"));
}

/** Index of the last entry found, or the error's offset as `damage at …`. */
async function outcome(disk: MemoryDisk): Promise<number | string> {
  try {
    return (await recoverWal(disk, "/wal", identityChecksum(IDENTITY))).replay.state.lastIndex;
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error;
    return `damage in ${segments(disk).indexOf(error.file)} at ${error.offset}`;
  }
}

Deno.test("recoverWal: every flipped bit of the newest batch is damage, never a shorter log", async () => {
  const disk = await diskWithBatches(3);
  const [path = ""] = segments(disk);
  for (let bit = 0; bit < SECTOR_BYTES * 8; bit++) {
    const byte = 3 * SECTOR_BYTES + (bit >> 3);
    disk.flipBit(path, byte, bit & 7);
    assert.match(String(await outcome(disk)), /^damage in 0 at (1[5-9]|20)\d\d$/, `bit ${bit}`);
    disk.flipBit(path, byte, bit & 7);
  }
  assert.equal(await outcome(disk), 3);
});

Deno.test("recoverWal: a lost sector is a crash's work only in the newest batch", async () => {
  const disk = await diskWithBatches(9);
  assert.equal(segments(disk).length, 2);
  const lost = async (segment: number, sector: number) => {
    const copy = disk.restart();
    copy.overwrite(segments(copy)[segment] ?? "", new Uint8Array(SECTOR_BYTES), sector * SECTOR_BYTES);
    return await outcome(copy);
  };
  assert.deepEqual(await Promise.all([1, 2, 3, 4, 5, 6, 7].map((sector) => lost(0, sector))), [
    "damage in 0 at 512",
    "damage in 0 at 1024",
    "damage in 0 at 1536",
    "damage in 0 at 2048",
    "damage in 0 at 2560",
    9,
    9,
  ]);
  assert.deepEqual(await Promise.all([0, 1, 2, 3, 4, 5].map((sector) => lost(1, sector))), [
    "damage in 1 at 0",
    "damage in 1 at 1024",
    "damage in 1 at 1536",
    "damage in 1 at 2048",
    8,
    9,
  ]);
});

Deno.test("recoverWal: a batch without entries is missed too", async () => {
  const disk = new MemoryDisk(new SeededRandom(1));
  await disk.makeDirectory("/wal");
  const { wal } = await Wal.open(disk, "/wal", OPTIONS);
  for (let term = 1; term <= 9; term++) {
    const hardState = { term, vote: 1, commit: 0 };
    await wal.append([{ kind: "hard-state", hardState }], { ...EMPTY_WAL_STATE, hardState });
  }
  await wal[Symbol.asyncDispose]();
  disk.overwrite(segments(disk)[0] ?? "", new Uint8Array(SECTOR_BYTES), 5 * SECTOR_BYTES);
  assert.equal(await outcome(disk), "damage in 0 at 2560");
});

Deno.test("recoverWal: a sector of another batch, even if it is whole, is damage", async () => {
  const disk = await diskWithBatches(5);
  const other = await diskWithBatches(3);
  const [path = ""] = segments(disk);
  const bytes = await readFile(disk, path);
  // The tail of a longer life of the same segment, at its own place.
  other.overwrite(path, bytes.slice(5 * SECTOR_BYTES, 6 * SECTOR_BYTES), 5 * SECTOR_BYTES);
  assert.equal(await outcome(other), "damage in 0 at 2560");
});

Deno.test("recoverWal: bytes that nobody wrote behind the records of a batch are damage", async () => {
  const disk = await diskWithBatches(2);
  disk.flipBit(segments(disk)[0] ?? "", 3 * SECTOR_BYTES - 17, 0);
  assert.equal(await outcome(disk), `damage in 0 at ${2 * SECTOR_BYTES + 32 + 304 + 40}`);
});

Deno.test("recoverWal: a missing, shortened or renamed segment is damage", async () => {
  const missing = await diskWithBatches(20);
  await missing.remove(segments(missing)[1] ?? "");
  assert.equal(await outcome(missing), "damage in 1 at 16");

  const renamed = await diskWithBatches(4);
  await renamed.rename(segments(renamed)[0] ?? "", "/wal/0000000000000002-0000000000000001.wal");
  assert.equal(await outcome(renamed), "damage in 0 at 16");

  const whole = await diskWithBatches(4);
  const shortened = new MemoryDisk(new SeededRandom(1));
  await shortened.makeDirectory("/wal");
  const path = segments(whole)[0] ?? "";
  await using file = await shortened.open(path, "create");
  await file.write((await readFile(whole, path)).subarray(0, 7 * SECTOR_BYTES), 0);
  assert.equal(await outcome(shortened), "damage in 0 at 3584");
});

Deno.test("recoverWal: a newer format and another owner are refused by name", async () => {
  const disk = await diskWithBatches(1);
  await assert.rejects(
    recoverWal(disk, "/wal", identityChecksum("mesh/other")),
    (error) => error instanceof ConfigError && error.message.includes("belongs to another node"),
  );
  const [path = ""] = segments(disk);
  const header = decodeSegmentHeader(await readFile(disk, path));
  assert(header);
  disk.overwrite(path, encodeSegmentHeader({ ...header, version: WAL_FORMAT_VERSION + 1 }), 0);
  await assert.rejects(
    recoverWal(disk, "/wal", identityChecksum(IDENTITY)),
    (error) => error instanceof ConfigError && error.message.includes("format version 2"),
  );
});

Deno.test("recoverWal: each segment starts with the state before it", async () => {
  const disk = new MemoryDisk(new SeededRandom(1));
  await disk.makeDirectory("/wal");
  const { wal } = await Wal.open(disk, "/wal", OPTIONS);
  const mark = { index: 1, term: 1, id: 1, manifestDigest: new Uint8Array(32) };
  const hardState = { term: 5, vote: 6, commit: 1 };
  const entry = (index: number): WalRecord => ({
    kind: "entry",
    entry: { term: 1, index, type: "normal", data: DATA },
  });
  const state = { hardState, lastIndex: 1, marks: [mark] };
  await wal.append([entry(1), { kind: "hard-state", hardState }, { kind: "snapshot-saved", mark }], state);
  for (let index = 2; index <= 12; index++) await wal.append([entry(index)], { ...state, lastIndex: index });
  await wal[Symbol.asyncDispose]();
  for (const path of segments(disk).slice(0, -1)) await disk.remove(path);
  const { replay } = await recoverWal(disk, "/wal", identityChecksum(IDENTITY));
  assert.deepEqual(replay.state, { ...state, lastIndex: 12 });
  assert(replay.firstIndex > 2);
});
