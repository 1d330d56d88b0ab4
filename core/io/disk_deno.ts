/**
 * The real disk. Positional reads and writes go through `node:fs`, which has them; syncs run on a thread of the
 * runtime, so the event loop turns meanwhile. The disk begins with small writes before that (`write_behind_linux.ts`).
 *
 * @module
 */
import fs from "node:fs";
import { promisify } from "node:util";
import { type Disk, type DiskFile, type DiskLock, DiskLockedError, type DiskOpenMode } from "../seams/disk.ts";
import { WriteBehind } from "./write_behind_linux.ts";

/** Writes up to this size are made at once, longer ones on another thread. */
const AT_ONCE_BYTES_MAX = 64 << 10;

/** `holder` texts are cut to this length. */
const HOLDER_BYTES_MAX = 200;

const FLAGS: Readonly<Record<DiskOpenMode, string>> = { read: "r", write: "r+", create: "wx+" };

const open = promisify(fs.open);
const close = promisify(fs.close);
const fdatasync = promisify(fs.fdatasync);
const fstat = promisify((fd: number, done: (error: Error | null, stats: fs.Stats) => void) => fs.fstat(fd, done));

/** The file system of this host. */
export function openDisk(): Disk {
  const behind = new WriteBehind();
  return {
    makeDirectory,
    async list(path) {
      const names: string[] = [];
      for await (const entry of Deno.readDir(path)) names.push(entry.name);
      return names.sort();
    },
    open: async (path, mode) => new HostFile(await open(path, FLAGS[mode], 0o600), behind),
    rename: (from, to) => Deno.rename(from, to),
    remove: (path) => Deno.remove(path),
    syncDirectory,
    lock,
  };
}

/** An earlier process may have died between making a directory and syncing its name, so an existing one is synced too. */
async function makeDirectory(path: string): Promise<void> {
  const parent = path.slice(0, path.lastIndexOf("/")) || "/";
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && path !== "/") {
      await makeDirectory(parent);
      return await makeDirectory(path);
    }
    if (!(error instanceof Deno.errors.AlreadyExists) || !(await Deno.stat(path)).isDirectory) throw error;
  }
  await syncDirectory(parent);
}

async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path, { read: true });
  await directory.sync();
}

/** One descriptor. */
class HostFile implements DiskFile {
  readonly #fd: number;
  readonly #behind: WriteBehind;
  #hasJoined = false;

  constructor(fd: number, behind: WriteBehind) {
    this.#fd = fd;
    this.#behind = behind;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let total = 0;
    while (total < target.length) {
      const count = await this.#readSome(target, total, position + total);
      if (count === 0) break;
      total += count;
    }
    return total;
  }

  write(bytes: Uint8Array, position: number): Promise<void> | undefined {
    if (bytes.length > AT_ONCE_BYTES_MAX) return this.#writeAside(bytes, position);
    // Into the system's cache, where a small write is done before another thread would have begun it.
    try {
      for (let done = 0; done < bytes.length;) {
        done += fs.writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
      }
      if (!this.#hasJoined) this.#behind.join();
      this.#hasJoined = true;
      this.#behind.begin(this.#fd, position, bytes.length);
    } catch (error) {
      return Promise.reject(error);
    }
    return undefined;
  }

  sync(): Promise<void> {
    return fdatasync(this.#fd);
  }

  async size(): Promise<number> {
    return (await fstat(this.#fd)).size;
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasJoined) this.#behind.leave();
    this.#hasJoined = false;
    return close(this.#fd);
  }

  async #writeAside(bytes: Uint8Array, position: number): Promise<void> {
    for (let written = 0; written < bytes.length;) written += await this.#writeSome(bytes, written, position + written);
  }

  #readSome(target: Uint8Array, offset: number, position: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    fs.read(this.#fd, target, offset, target.length - offset, position, (error, count) => {
      error ? reject(error) : resolve(count);
    });
    return promise;
  }

  #writeSome(bytes: Uint8Array, offset: number, position: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    fs.write(this.#fd, bytes, offset, bytes.length - offset, position, (error, count) => {
      error ? reject(error) : resolve(count);
    });
    return promise;
  }
}

/** An advisory lock (flock) on the file; the system gives it up when the process ends, however it ends. */
async function lock(path: string, owner: string): Promise<DiskLock> {
  const file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
  if (!await file.tryLock(true)) {
    const holder = new Uint8Array(HOLDER_BYTES_MAX);
    const length = await file.read(holder) ?? 0;
    file.close();
    throw new DiskLockedError(path, new TextDecoder().decode(holder.subarray(0, length)));
  }
  const release = async () => {
    await file.unlock();
    file.close();
  };
  try {
    await file.truncate(0);
    await file.write(new TextEncoder().encode(owner));
  } catch (error) {
    await release();
    throw error;
  }
  return { [Symbol.asyncDispose]: release };
}
