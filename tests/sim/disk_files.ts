/**
 * Files and directories of the simulated disk, each with what reads see (cached) and what a power loss leaves (durable).
 *
 * At a power loss each 512-byte sector that was written since the last sync has its own luck: the old bytes, the new ones,
 * new ones followed by old ones, or garbage. So has each change of a name, though a rename happens wholly or not at all.
 *
 * @module
 */
import { Slab } from "../../core/bytes/slab.ts";
import type { Chance } from "./chance.ts";

/** The unit of a torn write. */
export const SECTOR_BYTES = 512;

/** Images of files come and go all the time, and most are of a few kilobytes. */
const SLAB = new Slab(1 << 20);

/** One file. Both images are the same bytes in memory until something is written. */
export class SimFile {
  cached: Uint8Array<ArrayBuffer>;
  durable: Uint8Array<ArrayBuffer>;
  /** Sectors that differ between the two, as far as is known. */
  unsynced = new Set<number>();
  /** Count of the newest write; see `SimDisk.logWrites`. */
  lastWrite = 0;
  /** Part of the write-ahead log. */
  isLog = false;
  /** The durable image is another file's, too. */
  isShared = false;

  constructor(bytes: Uint8Array<ArrayBuffer> = new Uint8Array()) {
    this.cached = bytes;
    this.durable = bytes;
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    if (position === 0 && end > this.cached.length) this.cached = SLAB.copy(bytes);
    else {
      if (end > this.cached.length) this.cached = resized(this.cached, end);
      else if (this.cached === this.durable) this.cached = SLAB.copy(this.cached);
      this.cached.set(bytes, position);
    }
    for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      this.unsynced.add(sector);
    }
  }

  /** Makes `sectors` durable as they are now. */
  persist(sectors: ReadonlySet<number>): void {
    // A new file: all of it is durable now, so one image does until the next write.
    if (sectors.size * SECTOR_BYTES >= this.cached.length) return void (this.durable = this.cached);
    if (this.isShared) this.durable = SLAB.copy(this.durable);
    this.isShared = false;
    if (this.durable.length !== this.cached.length) this.durable = resized(this.durable, this.cached.length);
    forRuns(sectors, (start, end) => this.durable.set(this.cached.subarray(start, end), start));
  }

  /** A sync failed: the system drops what it could not write and calls it clean; reads may see either. */
  forget(sectors: Iterable<number>, reverts: boolean): void {
    if (!reverts) return;
    if (this.cached.length > this.durable.length) this.durable = resized(this.durable, this.cached.length);
    forRuns(sectors, (start, end) => this.cached.set(this.durable.subarray(start, end), start));
  }

  /** What a power loss leaves. */
  afterPowerLoss(chance: Chance, garbage: number): SimFile {
    let image = this.durable;
    if (this.unsynced.size > 0 || image.length !== this.cached.length) {
      image = chance.oneIn(2) && this.cached.length > image.length
        ? resized(image, this.cached.length)
        : SLAB.copy(image);
      for (const sector of this.unsynced) {
        const start = sector * SECTOR_BYTES;
        const fresh = this.cached.subarray(start, start + SECTOR_BYTES);
        const luck = chance.below(3);
        const keptBytes = luck === 0 ? 0 : luck === 1 ? fresh.length : chance.below(fresh.length + 1);
        const isGarbage = chance.happens(garbage);
        if (keptBytes === 0 && !isGarbage) continue;
        if (start + fresh.length > image.length) image = resized(image, start + fresh.length);
        image.set(fresh.subarray(0, keptBytes), start);
        if (isGarbage) chance.fill(image.subarray(start, start + fresh.length));
      }
    }
    const file = new SimFile(image);
    file.isLog = this.isLog;
    return file;
  }
}

/** One change of names that is not durable yet. */
export type NameChange =
  | { readonly kind: "link"; readonly name: string; readonly file: SimFile }
  | { readonly kind: "unlink"; readonly name: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string; readonly file: SimFile };

/** The files of one directory. */
export class SimDirectory {
  cached = new Map<string, SimFile>();
  durable = new Map<string, SimFile>();
  unsynced: NameChange[] = [];

  change(change: NameChange): void {
    applyChange(this.cached, change);
    this.unsynced.push(change);
  }

  sync(): void {
    for (const change of this.unsynced) applyChange(this.durable, change);
    this.unsynced = [];
  }

  /** What a power loss leaves. */
  afterPowerLoss(chance: Chance, garbage: number): SimDirectory {
    const names = new Map(this.durable);
    for (const change of this.unsynced) if (chance.oneIn(2)) applyChange(names, change);
    return directoryOf(names, (file) => file.afterPowerLoss(chance, garbage));
  }

  /** What is certain to survive a power loss, as long as nothing is synced here. */
  durableCopy(): SimDirectory {
    return directoryOf(this.durable, ({ durable }) => {
      const file = new SimFile(durable);
      file.isShared = true;
      return file;
    });
  }
}

function directoryOf(names: ReadonlyMap<string, SimFile>, survivor: (file: SimFile) => SimFile): SimDirectory {
  const directory = new SimDirectory();
  for (const [name, file] of names) {
    const left = survivor(file);
    directory.cached.set(name, left);
    directory.durable.set(name, left);
  }
  return directory;
}

function applyChange(names: Map<string, SimFile>, change: NameChange): void {
  if (change.kind === "unlink") return void names.delete(change.name);
  if (change.kind === "rename") names.delete(change.from);
  names.set(change.kind === "rename" ? change.to : change.name, change.file);
}

/** Calls `copy` with the bytes, from and to, of each run of sectors that follow each other. */
function forRuns(sectors: Iterable<number>, copy: (start: number, end: number) => void): void {
  let first = 0;
  let next = 0;
  for (const sector of sectors) {
    if (sector !== next) {
      if (next > first) copy(first * SECTOR_BYTES, next * SECTOR_BYTES);
      first = sector;
    }
    next = sector + 1;
  }
  if (next > first) copy(first * SECTOR_BYTES, next * SECTOR_BYTES);
}

function resized(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const copy = SLAB.take(length);
  copy.set(bytes.length > length ? bytes.subarray(0, length) : bytes);
  return copy;
}
