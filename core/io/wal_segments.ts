/**
 * The segments of one log: the newest, which gets the batches, and sealed ones, which go once a snapshot covers them.
 *
 * A segment is filled with zeros before it joins the log, so that a sync never waits for the file system to find room.
 * The next one is prepared in the background when the current one is nearly full.
 *
 * @module
 */
import type { Disk, DiskFile } from "../seams/disk.ts";
import { assert } from "../assert.ts";
import { writeZeros } from "./disk_files.ts";
import { SECTOR_BYTES } from "./wal_layout.ts";
import type { ActiveSegment, SealedSegment } from "./wal_recovery.ts";
import { encodeSegmentHeader, segmentName, TEMPORARY_SUFFIX, WAL_FORMAT_VERSION } from "./wal_segment.ts";

/** The spare is prepared when this share of the newest segment is used. */
const SPARE_FROM_SHARE = 3 / 4;

/** Where a new segment starts. */
export interface SegmentStart {
  readonly firstBatch: number;
  readonly firstIndex: number;
  readonly chain: number;
}

/** A file of zeros that is not part of the log yet. */
interface Blank {
  readonly file: DiskFile;
  readonly path: string;
  readonly sectors: number;
}

/** The newest segment, open. */
interface Newest {
  readonly file: DiskFile;
  readonly path: string;
  readonly segment: number;
  readonly sectors: number;
  nextSector: number;
}

/** Owns the files; writes where it is told. Not for concurrent calls, except {@linkcode WalSegments.removeThrough}. */
export class WalSegments implements AsyncDisposable {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #identity: number;
  readonly #sectors: number;
  #sealed: SealedSegment[];
  #newest: Newest | undefined;
  #spare: Promise<Blank> | undefined;

  /**
   * @param identity Checksum of the owner's identity.
   * @param sectors Size of new segments.
   */
  constructor(disk: Disk, directory: string, identity: number, sectors: number, sealed: readonly SealedSegment[]) {
    this.#disk = disk;
    this.#directory = directory;
    this.#identity = identity;
    this.#sectors = sectors;
    this.#sealed = [...sealed];
  }

  /** Number of the newest segment, 0 if there is none. */
  get segment(): number {
    return this.#newest?.segment ?? 0;
  }

  /** The sector of the newest segment where the next batch goes. */
  get nextSector(): number {
    return this.#newest?.nextSector ?? 0;
  }

  /** Files of the log. */
  get segmentsCount(): number {
    return this.#sealed.length + (this.#newest ? 1 : 0);
  }

  /** True if `sectors` more fit the newest segment. */
  hasRoom(sectors: number): boolean {
    return this.#newest !== undefined && this.#newest.nextSector + sectors <= this.#newest.sectors;
  }

  /**
   * Takes over the newest segment that recovery found: what it holds moves into a new file, and that takes its place.
   *
   * What was read may not be on stable storage. If a process ended before its sync, another sync would do; but if it ended
   * because its sync failed, the system calls the bytes clean, and a sync of the same file claims success without writing
   * anything. Bytes that are written again count by their own sync, and nothing acknowledged is overwritten.
   */
  async resume({ path, segment, sectors, nextSector, content }: ActiveSegment): Promise<void> {
    const copy = await this.#makeBlank("resumed", sectors);
    this.#newest = { file: copy.file, path, segment, sectors, nextSector };
    await copy.file.write(content, 0);
    await copy.file.sync();
    await this.#disk.rename(copy.path, path);
    await this.#disk.syncDirectory(this.#directory);
  }

  /** Seals the newest segment, if any, and starts the next one with room for at least `sectors`. */
  async roll(start: SegmentStart, sectors: number): Promise<void> {
    const blank = await this.#takeBlank(sectors + 1);
    const segment = this.segment + 1;
    const path = `${this.#directory}/${segmentName(segment, start.firstIndex)}`;
    const version = WAL_FORMAT_VERSION;
    const header = { version, identity: this.#identity, segment, sectors: blank.sectors, ...start };
    await blank.file.write(encodeSegmentHeader(header), 0);
    await blank.file.sync();
    await this.#disk.rename(blank.path, path);
    await this.#disk.syncDirectory(this.#directory);
    const before = this.#newest;
    this.#newest = { file: blank.file, path, segment, sectors: blank.sectors, nextSector: 1 };
    if (!before) return;
    this.#sealed.push({ path: before.path, lastIndex: start.firstIndex - 1 });
    await before.file[Symbol.asyncDispose]();
  }

  /** Writes whole sectors at `nextSector`, which {@linkcode WalSegments.hasRoom} allowed, and syncs. Borrows. */
  async write(sectors: Uint8Array): Promise<void> {
    const newest = this.#newest;
    assert(newest !== undefined && this.hasRoom(sectors.length / SECTOR_BYTES), "A batch fits its segment");
    const written = newest.file.write(sectors, newest.nextSector * SECTOR_BYTES);
    if (written) await written;
    await newest.file.sync();
    newest.nextSector += sectors.length / SECTOR_BYTES;
    if (newest.nextSector >= newest.sectors * SPARE_FROM_SHARE && !this.#spare) {
      this.#spare = this.#makeBlank("spare", this.#sectors);
      // Whoever takes the spare gets the error; nobody may ever take it.
      this.#spare.catch(() => {});
    }
  }

  /** Says that no entry in the sealed segments counts any more, so that any index lets them go. */
  voidSealed(): void {
    this.#sealed = this.#sealed.map(({ path }) => ({ path, lastIndex: 0 }));
  }

  /**
   * Removes sealed segments, oldest first, all of whose entries have an index of at most `index`. One at a time is
   * made durable: after a crash no segment is missing between two others.
   */
  async removeThrough(index: number): Promise<void> {
    for (let oldest = this.#sealed[0]; oldest && oldest.lastIndex <= index; oldest = this.#sealed[0]) {
      this.#sealed.shift();
      await this.#disk.remove(oldest.path);
      await this.#disk.syncDirectory(this.#directory);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const spare = await this.#spare?.catch(() => undefined);
    await spare?.file[Symbol.asyncDispose]();
    await this.#newest?.file[Symbol.asyncDispose]();
    this.#newest = undefined;
  }

  async #takeBlank(sectors: number): Promise<Blank> {
    if (sectors > this.#sectors) return await this.#makeBlank("large", sectors);
    const spare = this.#spare ?? this.#makeBlank("next", this.#sectors);
    this.#spare = undefined;
    return await spare;
  }

  async #makeBlank(name: string, sectors: number): Promise<Blank> {
    const path = `${this.#directory}/${name}${TEMPORARY_SUFFIX}`;
    const file = await this.#disk.open(path, "create");
    await writeZeros(file, 0, sectors * SECTOR_BYTES);
    await file.sync();
    return { file, path, sectors };
  }
}
