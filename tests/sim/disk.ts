/**
 * A disk in virtual time that is slow, stalls, fails, fills up, rots and loses power, behind the seam of
 * `core/seams/disk.ts`. It belongs to one member and outlives its processes.
 *
 * A call takes effect when it is done; until then a crash finds it half done. {@linkcode SimDisk.powerLoss} leaves what
 * was synced and, with luck of their own, some of the sectors and names that were not; {@linkcode SimDisk.kill} only ends
 * the process, and the cache stays. A sync that fails throws the unsynced bytes away and calls them clean, as Linux does.
 *
 * @module
 */
import { type Disk, type DiskFile, type DiskLock, DiskLockedError, type DiskOpenMode } from "../../core/seams/disk.ts";
import { Chance } from "./chance.ts";
import { SECTOR_BYTES, SimDirectory, SimFile } from "./disk_files.ts";
import type { DiskPlan } from "./plan.ts";

/** An error that the simulation made up. */
export class InjectedError extends Error {
  override readonly name = "InjectedError";
}

/** What a disk needs of its world. */
export interface DiskHost {
  /** Calls back after a time in microseconds, unless the process has ended by then. */
  after(delayUs: number, what: string, fire: () => void): void;
  /** The call that {@linkcode SimDisk.crashAtCall} waited for has begun. */
  crashNow(): void;
}

/** A call that has begun and is not done. */
interface Pending {
  /** What a crash leaves of it. */
  readonly cutShort: () => void;
}

/** What a crash leaves of a call that has no effect before it is done. */
const NOTHING = () => {};

/** See the module. */
export class SimDisk implements Disk {
  readonly #host: DiskHost;
  readonly #plan: DiskPlan;
  readonly #chance: Chance;
  #directories: Map<string, SimDirectory>;
  readonly #pending = new Set<Pending>();
  #locks = new Map<string, string>();
  #callsLeft = Infinity;
  #failNext: "sync" | "any" | undefined;
  /** No file may grow. */
  isFull = false;
  /** Nothing fails or stalls any more. */
  isHealed = false;
  /** Every sync takes so much longer. */
  extraSyncUs = 0;
  /** Claims durability without giving it; for mutants only. */
  liesAboutSync = false;
  #logWrites = 0;
  #logSyncs = 0;

  constructor(host: DiskHost, plan: DiskPlan, chance: Chance, directories = new Map<string, SimDirectory>()) {
    this.#host = host;
    this.#plan = plan;
    this.#chance = chance;
    this.#directories = directories;
  }

  /** Writes to log segments so far. */
  get logWrites(): number {
    return this.#logWrites;
  }

  /** All log writes up to this count were synced. */
  get logSyncs(): number {
    return this.#logSyncs;
  }

  /** Lets the process crash while the `count`-th call from now, 1 being the next one, is under way. */
  crashAtCall(count: number): void {
    this.#callsLeft = count;
  }

  /** Lets the next sync, or the next call of any kind, fail. */
  failNext(kind: "sync" | "any"): void {
    this.#failNext = kind;
  }

  /** The process ends; the system and its cache do not. */
  kill(): void {
    this.#endCalls();
  }

  /** The system ends, and with it the cache. `garbage`: probability that an unsynced sector becomes that. */
  powerLoss(garbage: number): void {
    this.#endCalls();
    this.#directories = new Map(
      [...this.#directories].map(([path, directory]) => [path, directory.afterPowerLoss(this.#chance, garbage)]),
    );
  }

  /** An instant disk with what is certain to survive a power loss now. */
  durableCopy(): SimDisk {
    const directories = new Map([...this.#directories].map(([path, directory]) => [path, directory.durableCopy()]));
    const host: DiskHost = { after: (_delayUs, _what, fire) => fire(), crashNow: () => {} };
    const copy = new SimDisk(host, this.#plan, new Chance(0), directories);
    copy.isHealed = true;
    return copy;
  }

  /**
   * Damages durable bytes: a flipped bit, or a sector that was written to the wrong place. Returns what was done.
   *
   * Leaves out sectors of zeros that land on the end of the log: a disk that takes back its last acknowledged write
   * without a trace cannot be found out by what it holds.
   */
  rot(): string | undefined {
    const files = [...this.#directories].flatMap(([path, { cached }]) =>
      [...cached].filter(([name, file]) => file.cached.length > 0 && name !== "LOCK").map(([name, file]) => ({
        path: `${path}/${name}`,
        file,
      }))
    );
    const victim = this.#chance.pick(files);
    if (!victim) return undefined;
    const { file, path } = victim;
    if (this.#chance.oneIn(2)) {
      const at = this.#chance.below(file.cached.length);
      const bit = 1 << this.#chance.below(8);
      for (const image of new Set([file.cached, file.durable])) {
        if (at < image.length) image[at] = (image[at] ?? 0) ^ bit;
      }
      return `bit ${bit} of byte ${at} in ${path}`;
    }
    const sectors = Math.ceil(file.cached.length / SECTOR_BYTES);
    const [from, to] = [this.#chance.below(sectors), this.#chance.below(sectors)];
    const bytes = file.cached.slice(from * SECTOR_BYTES, (from + 1) * SECTOR_BYTES);
    if (bytes.every((byte) => byte === 0)) return undefined;
    for (const image of [file.cached, file.durable]) {
      image.set(
        bytes.subarray(0, Math.max(0, image.length - to * SECTOR_BYTES)),
        Math.min(image.length, to * SECTOR_BYTES),
      );
    }
    return `sector ${from} over sector ${to} in ${path}`;
  }

  /** Paths of all files, sorted. */
  paths(): string[] {
    return [...this.#directories].flatMap(([path, { cached }]) => [...cached.keys()].map((name) => `${path}/${name}`))
      .sort();
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call("makeDirectory", () => {
      const parts = path.split("/").filter((part) => part !== "");
      for (let i = 1; i <= parts.length; i++) {
        const parent = `/${parts.slice(0, i).join("/")}`;
        if (!this.#directories.has(parent)) this.#directories.set(parent, new SimDirectory());
      }
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#call("list", () => {
      const names = [...this.#directory(path).cached.keys()];
      const prefix = `${path}/`;
      for (const directory of this.#directories.keys()) {
        if (!directory.startsWith(prefix)) continue;
        const name = directory.slice(prefix.length);
        if (!name.includes("/")) names.push(name);
      }
      return names.sort();
    });
  }

  open(path: string, mode: DiskOpenMode): Promise<DiskFile> {
    return this.#call("open", () => {
      const [directory, name] = this.#place(path);
      if (mode === "create") {
        if (directory.cached.has(name)) throw new Error(`file exists: ${path}`);
        directory.change({ kind: "link", name, file: new SimFile() });
      }
      const file = directory.cached.get(name);
      if (!file) throw new Error(`no such file: ${path}`);
      return this.#handle(file, mode !== "read");
    });
  }

  rename(from: string, to: string): Promise<void> {
    const rename = () => {
      const [directory, fromName] = this.#place(from);
      const [target, toName] = this.#place(to);
      const file = directory.cached.get(fromName);
      if (!file || directory !== target) throw new Error(`cannot rename: ${from}`);
      file.isLog = to.endsWith(".wal");
      directory.change({ kind: "rename", from: fromName, to: toName, file });
    };
    return this.#call("rename", rename, this.#maybe(rename));
  }

  remove(path: string): Promise<void> {
    const remove = () => {
      const [directory, name] = this.#place(path);
      if (!directory.cached.has(name)) throw new Error(`no such file: ${path}`);
      directory.change({ kind: "unlink", name });
    };
    return this.#call("remove", remove, this.#maybe(remove));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#call("syncDirectory", () => this.#directory(path).sync(), undefined, this.#syncUs());
  }

  lock(path: string, owner: string): Promise<DiskLock> {
    return this.#call("lock", () => {
      const holder = this.#locks.get(path);
      if (holder !== undefined) throw new DiskLockedError(path, holder);
      this.#locks.set(path, owner);
      return {
        [Symbol.asyncDispose]: () => {
          this.#locks.delete(path);
          return Promise.resolve();
        },
      };
    });
  }

  #handle(file: SimFile, isWritable: boolean): DiskFile {
    return {
      read: (target, position) =>
        this.#call("read", () => {
          const bytes = file.cached.subarray(position, position + target.length);
          target.set(bytes);
          return bytes.length;
        }),
      write: (bytes, position) => {
        if (!isWritable) return Promise.reject(new Error("opened for reading"));
        const isGrowing = position + bytes.length > file.cached.length;
        if (this.isFull && isGrowing) return Promise.reject(new InjectedError("no space left on device"));
        const cutShort = () => file.write(bytes.subarray(0, this.#chance.below(bytes.length + 1)), position);
        return this.#call("write", () => this.#write(file, bytes, position), cutShort);
      },
      sync: () => this.#sync(file),
      size: () => this.#call("size", () => file.cached.length),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  #write(file: SimFile, bytes: Uint8Array, position: number): void {
    file.write(bytes, position);
    if (file.isLog) file.lastWrite = ++this.#logWrites;
  }

  async #sync(file: SimFile): Promise<void> {
    const sectors = file.unsynced;
    const { lastWrite } = file;
    file.unsynced = new Set();
    const putBack = () => {
      for (const sector of sectors) file.unsynced.add(sector);
    };
    const persist = () => {
      if (this.liesAboutSync) return putBack();
      file.persist(sectors);
      this.#logSyncs = Math.max(this.#logSyncs, lastWrite);
    };
    try {
      await this.#call("sync", persist, putBack, this.#syncUs());
    } catch (error) {
      file.forget(sectors, this.#plan.revertsFailedSync);
      throw error;
    }
  }

  /** Runs `effect` when the call's time is over, or fails. `cutShort` is what a crash before that leaves of it. */
  #call<Result>(
    what: string,
    effect: () => Result,
    cutShort: () => void = NOTHING,
    delayUs: number = this.#plan.callUs,
  ): Promise<Result> {
    const pending: Pending = { cutShort };
    this.#pending.add(pending);
    const fails = this.#fails(what);
    return new Promise((resolve, reject) => {
      this.#host.after(delayUs, what, () => {
        this.#pending.delete(pending);
        if (fails) return reject(new InjectedError("input/output error"));
        try {
          resolve(effect());
        } catch (error) {
          reject(error);
        }
      });
      if (--this.#callsLeft <= 0) {
        this.#callsLeft = Infinity;
        this.#host.crashNow();
      }
    });
  }

  #fails(what: string): boolean {
    if (this.#failNext === "any" || this.#failNext === what) {
      this.#failNext = undefined;
      return true;
    }
    if (this.isHealed) return false;
    return this.#chance.happens(what === "sync" ? this.#plan.syncError : this.#plan.ioError);
  }

  #syncUs(): number {
    const { syncMeanUs, stall, stallUs, callUs } = this.#plan;
    if (this.isHealed || syncMeanUs === 0) return callUs + this.extraSyncUs;
    return this.extraSyncUs + this.#chance.exponential(this.#chance.happens(stall) ? stallUs : syncMeanUs);
  }

  #endCalls(): void {
    for (const { cutShort } of this.#pending) cutShort();
    this.#pending.clear();
    this.#locks = new Map();
    this.#callsLeft = Infinity;
    this.#failNext = undefined;
  }

  #maybe(effect: () => void): () => void {
    return () => {
      if (this.#chance.oneIn(2)) effect();
    };
  }

  #directory(path: string): SimDirectory {
    const directory = this.#directories.get(path);
    if (!directory) throw new Error(`no such directory: ${path}`);
    return directory;
  }

  #place(path: string): [SimDirectory, string] {
    const slash = path.lastIndexOf("/");
    return [this.#directory(path.slice(0, slash)), path.slice(slash + 1)];
  }
}
