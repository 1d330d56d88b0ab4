/**
 * Files in pieces: read from a path or standard input, written to a path, which then has the old content or all of the new,
 * or to standard output.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import type { Disk, DiskFile } from "../seams/disk.ts";
import { openDisk } from "./disk_deno.ts";

/** Stands for standard input or output. */
export const STANDARD_STREAM = "-";

const PIECE_BYTES = 256 * 1024;

/** Where bytes go. Disposing without {@linkcode ByteTarget.commit} leaves everything as it was, as far as that can be. */
export interface ByteTarget extends AsyncDisposable {
  /** Writes all of `bytes`. Borrows them until it settles. */
  write(bytes: Uint8Array): Promise<void>;
  /** All is written: resolves when it is on stable storage, under its name, mode 0600. */
  commit(): Promise<void>;
}

/** Opens `path`, or standard output for `-`. @throws {Error} What the system says. */
export async function openByteTarget(path: string, disk: Disk = openDisk()): Promise<ByteTarget> {
  return path === STANDARD_STREAM ? new StandardOutput() : await FileReplacement.open(resolve(path), disk);
}

/** The bytes of `path`, or of standard input for `-`, in pieces that are the caller's. */
export async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  using file = path === STANDARD_STREAM ? undefined : await Deno.open(path);
  const source = file ?? Deno.stdin;
  for (;;) {
    const piece = new Uint8Array(PIECE_BYTES);
    const count = await source.read(piece);
    if (count === null) return;
    yield piece.subarray(0, count);
  }
}

class StandardOutput implements ByteTarget {
  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) written += await Deno.stdout.write(bytes.subarray(written));
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** A new file beside the old one, which it replaces at the end. */
class FileReplacement implements ByteTarget {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #temporary: string;
  #file: DiskFile | undefined;
  #position = 0;

  private constructor(disk: Disk, path: string, temporary: string, file: DiskFile) {
    this.#disk = disk;
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  static async open(path: string, disk: Disk): Promise<FileReplacement> {
    const temporary = `${path}.${Deno.pid}.tmp`;
    return new FileReplacement(disk, path, temporary, await disk.open(temporary, "create"));
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file?.write(bytes, this.#position);
    this.#position += bytes.length;
  }

  async commit(): Promise<void> {
    const file = this.#file;
    if (!file) return;
    await file.sync();
    await file[Symbol.asyncDispose]();
    await this.#disk.rename(this.#temporary, this.#path);
    this.#file = undefined;
    await this.#disk.syncDirectory(dirname(this.#path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#file) return;
    await Promise.resolve(this.#file[Symbol.asyncDispose]()).catch(() => {});
    this.#file = undefined;
    await this.#disk.remove(this.#temporary).catch(() => {});
  }
}
