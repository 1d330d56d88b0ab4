/**
 * A disk in memory that loses power: the twin of `core/io/disk_deno.ts`.
 *
 * Every file has a cached image, which reads see, and a durable one. At a crash each 512-byte sector written since the
 * last sync is kept, lost or torn, each with its own luck: a torn one has new bytes in front and old ones behind. Names
 * that were created, renamed or removed since the directory's last sync come and go in the same way, though a rename
 * happens wholly or not at all. A sync that fails drops the unsynced bytes and calls them clean, as Linux does.
 *
 * Every call counts; one of them can be made to fail, or to be the last one before the crash.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { type Disk, type DiskFile, type DiskLock, DiskLockedError, type DiskOpenMode } from "../../core/seams/disk.ts";
import type { SeededRandom } from "./seeded_random.ts";

const SECTOR_BYTES = 512;

/** Thrown by the call at which the power went, and by every later one. */
export class PowerLossError extends Error {
  override readonly name = "PowerLossError";
}

class FileNode {
  cached: Uint8Array;
  durable: Uint8Array;
  readonly unsynced = new Set<number>();

  constructor(bytes: Uint8Array) {
    this.cached = bytes;
    this.durable = bytes.slice();
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    if (end > this.cached.length) this.cached = resized(this.cached, end);
    this.cached.set(bytes, position);
    for (let i = Math.floor(position / SECTOR_BYTES); i * SECTOR_BYTES < end; i++) this.unsynced.add(i);
  }

  sync(): void {
    this.durable = resized(this.durable, this.cached.length);
    for (const sector of this.unsynced) {
      const start = sector * SECTOR_BYTES;
      this.durable.set(this.cached.subarray(start, start + SECTOR_BYTES), start);
    }
    this.unsynced.clear();
  }

  /** What is on the disk after a crash. */
  afterCrash(random: SeededRandom): FileNode {
    let image = this.durable.slice();
    if (random.oneIn(2) && this.cached.length > image.length) image = resized(image, this.cached.length);
    for (const sector of this.unsynced) {
      const start = sector * SECTOR_BYTES;
      const fresh = this.cached.subarray(start, start + SECTOR_BYTES);
      const luck = random.below(3);
      const keptBytes = luck === 0 ? 0 : luck === 1 ? fresh.length : random.below(fresh.length + 1);
      if (keptBytes === 0) continue;
      if (start + fresh.length > image.length) image = resized(image, start + fresh.length);
      image.set(fresh.subarray(0, keptBytes), start);
    }
    return new FileNode(image);
  }
}

/** One change of names that is not durable yet. */
type NameChange =
  | { readonly kind: "link"; readonly name: string; readonly node: Node }
  | { readonly kind: "unlink"; readonly name: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string; readonly node: Node };

class DirectoryNode {
  readonly cached = new Map<string, Node>();
  readonly durable = new Map<string, Node>();
  readonly unsynced: NameChange[] = [];

  change(change: NameChange): void {
    applyChange(this.cached, change);
    this.unsynced.push(change);
  }

  sync(): void {
    for (const change of this.unsynced.splice(0)) applyChange(this.durable, change);
  }

  afterCrash(random: SeededRandom): DirectoryNode {
    const names = new Map(this.durable);
    for (const change of this.unsynced) if (random.oneIn(2)) applyChange(names, change);
    const directory = new DirectoryNode();
    for (const [name, node] of names) {
      const survivor = node.afterCrash(random);
      directory.cached.set(name, survivor);
      directory.durable.set(name, survivor);
    }
    return directory;
  }
}

type Node = FileNode | DirectoryNode;

function applyChange(names: Map<string, Node>, change: NameChange): void {
  if (change.kind === "unlink") return void names.delete(change.name);
  if (change.kind === "rename") names.delete(change.from);
  names.set(change.kind === "rename" ? change.to : change.name, change.node);
}

function resized(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}

/** See the module. */
export class MemoryDisk implements Disk {
  readonly #random: SeededRandom;
  readonly #root: DirectoryNode;
  readonly #locks = new Map<string, string>();
  #callsCount = 0;
  #crashAtCall = Infinity;
  #failAtCall = Infinity;
  #isDown = false;

  /** An empty disk. */
  constructor(random: SeededRandom, root: DirectoryNode = new DirectoryNode()) {
    this.#random = random;
    this.#root = root;
  }

  /** Calls so far, of the disk and of its files. */
  get callsCount(): number {
    return this.#callsCount;
  }

  /** Lets the power go in the middle of the `count`-th call from now, 1 being the next one. */
  crashAfter(count: number): void {
    this.#crashAtCall = this.#callsCount + count;
  }

  /** Lets the `count`-th call from now, 1 being the next one, fail with an I/O error. */
  failAfter(count: number): void {
    this.#failAtCall = this.#callsCount + count;
  }

  /** Cuts the power, if it is not gone yet, and returns the disk as the next start finds it. */
  restart(): MemoryDisk {
    this.#isDown = true;
    return new MemoryDisk(this.#random.split(), this.#root.afterCrash(this.#random));
  }

  /**
   * Ends the process but not the system: returns the disk as the next process finds it, with everything that was
   * written, synced or not. Calls on this one fail from now on.
   */
  kill(): MemoryDisk {
    this.#isDown = true;
    return new MemoryDisk(this.#random.split(), this.#root);
  }

  /** Paths of all files, with their lengths. */
  files(directory = "", node: Node = this.#root): { readonly path: string; readonly bytes: number }[] {
    if (node instanceof FileNode) return [{ path: directory, bytes: node.cached.length }];
    return [...node.cached].flatMap(([name, child]) => this.files(`${directory}/${name}`, child));
  }

  /** Lets one bit of a file rot. */
  flipBit(path: string, byte: number, bit: number): void {
    const file = this.#file(path);
    for (const image of [file.cached, file.durable]) image[byte] = (image[byte] ?? 0) ^ (1 << bit);
  }

  /** Overwrites bytes of a file durably, behind everybody's back. */
  overwrite(path: string, bytes: Uint8Array, position: number): void {
    const file = this.#file(path);
    file.write(bytes, position);
    file.sync();
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call(() => {
      let node = this.#root;
      for (const name of path.split("/").filter((part) => part !== "")) {
        let child = node.cached.get(name);
        if (!child) node.change({ kind: "link", name, node: child = new DirectoryNode() });
        if (!this.#isDown) node.sync();
        assert(child instanceof DirectoryNode, `not a directory: ${path}`);
        node = child;
      }
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#call(() => [...this.#directory(path).cached.keys()].sort());
  }

  open(path: string, mode: DiskOpenMode): Promise<DiskFile> {
    return this.#call(() => {
      if (mode === "create") {
        const [directory, name] = this.#place(path);
        if (directory.cached.has(name)) throw new Error(`file exists: ${path}`);
        directory.change({ kind: "link", name, node: new FileNode(new Uint8Array()) });
      }
      return this.#handle(this.#file(path), mode !== "read");
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(() => {
      const [directory, fromName] = this.#place(from);
      const [target, toName] = this.#place(to);
      assert(directory === target, "the model renames within a directory only");
      const node = directory.cached.get(fromName);
      if (!node) throw new Error(`no such file: ${from}`);
      directory.change({ kind: "rename", from: fromName, to: toName, node });
    });
  }

  remove(path: string): Promise<void> {
    return this.#call(() => {
      const [directory, name] = this.#place(path);
      if (!directory.cached.has(name)) throw new Error(`no such file: ${path}`);
      directory.change({ kind: "unlink", name });
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#call(() => this.#directory(path).sync(), "sync");
  }

  lock(path: string, owner: string): Promise<DiskLock> {
    return this.#call(() => {
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

  #handle(file: FileNode, isWritable: boolean): DiskFile {
    return {
      read: (target, position) =>
        this.#call(() => {
          const bytes = file.cached.subarray(position, position + target.length);
          target.set(bytes);
          return bytes.length;
        }),
      write: (bytes, position) =>
        this.#call(() => {
          assert(isWritable, "opened for reading");
          file.write(bytes, position);
        }),
      sync: () =>
        this.#call(() => file.sync(), "sync").catch((error) => {
          if (!(error instanceof PowerLossError)) file.unsynced.clear();
          throw error;
        }),
      size: () => this.#call(() => file.cached.length),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  /** Counts a call and lets it fail if its time has come. What a crashing write wrote may survive; a sync's may not. */
  async #call<T>(effect: () => T, kind: "sync" | "other" = "other"): Promise<T> {
    this.#callsCount++;
    if (this.#isDown) throw new PowerLossError("the power is gone");
    if (this.#callsCount === this.#failAtCall) throw new Error("input/output error");
    if (this.#callsCount >= this.#crashAtCall) {
      this.#isDown = true;
      if (kind === "other") effect();
      throw new PowerLossError("the power goes");
    }
    const result = effect();
    await Promise.resolve();
    return result;
  }

  #directory(path: string): DirectoryNode {
    let node: Node | undefined = this.#root;
    for (const name of path.split("/").filter((part) => part !== "")) {
      node = node instanceof DirectoryNode ? node.cached.get(name) : undefined;
    }
    if (!(node instanceof DirectoryNode)) throw new Error(`no such directory: ${path}`);
    return node;
  }

  #place(path: string): [DirectoryNode, string] {
    const slash = path.lastIndexOf("/");
    return [this.#directory(path.slice(0, slash)), path.slice(slash + 1)];
  }

  #file(path: string): FileNode {
    const [directory, name] = this.#place(path);
    const node = directory.cached.get(name);
    if (!(node instanceof FileNode)) throw new Error(`no such file: ${path}`);
    return node;
  }
}
