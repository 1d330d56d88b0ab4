/**
 * Stable storage as the write-ahead log sees it: few calls with stated durability, so that a simulated disk which
 * loses and tears unsynced sectors can stand in for the real one.
 *
 * What the callers may rely on is what POSIX and the usual file systems give, and no more: written bytes survive a
 * crash only after {@linkcode DiskFile.sync}; a created, renamed or removed name only after
 * {@linkcode Disk.syncDirectory}; a rename happens wholly or not at all. Until then each 512-byte sector may hold the
 * old bytes, the new ones, or new ones followed by old ones.
 *
 * Paths are absolute, with `/`. Every call rejects with an `Error` when the system refuses; a failed `sync` leaves the
 * file's unsynced bytes in an unknown state and must not be repeated in the hope of better luck.
 *
 * @module
 */

/** `read` an existing file, `write` (and read) an existing one, or `create` one that must not exist yet, mode 0600. */
export type DiskOpenMode = "read" | "write" | "create";

/** An open file. */
export interface DiskFile extends AsyncDisposable {
  /** Fills `target` from byte `position`. Returns the bytes read: fewer than asked only at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number>;
  /**
   * Writes all of `bytes` from byte `position`, growing the file. Borrows `bytes` until it settles.
   *
   * @returns `undefined` if that is done already.
   */
  write(bytes: Uint8Array, position: number): Promise<void> | undefined;
  /** Resolves when all written bytes, and the length needed to read them, are on stable storage (fdatasync). */
  sync(): Promise<void>;
  /** Length in bytes. */
  size(): Promise<number>;
}

/** An exclusive claim on a path, given up when disposed or when its process ends. */
export type DiskLock = AsyncDisposable;

/** Somebody else holds the lock. */
export class DiskLockedError extends Error {
  override readonly name = "DiskLockedError";
  readonly path: string;
  /** What the holder wrote about itself; empty if it could not be read. */
  readonly holder: string;

  constructor(path: string, holder: string) {
    super(`Locked by ${holder === "" ? "another process" : holder}: ${path}`);
    this.path = path;
    this.holder = holder;
  }
}

/** A file system. Its in-memory twin is `tests/twins/memory_disk.ts`. */
export interface Disk {
  /** Makes a directory of mode 0700, and its parents, unless they exist; their names are durable then. */
  makeDirectory(path: string): Promise<void>;
  /** Names of files and directories in `path`, sorted by code unit. */
  list(path: string): Promise<readonly string[]>;
  open(path: string, mode: DiskOpenMode): Promise<DiskFile>;
  /** Moves a file, replacing what is at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  /** Resolves when the names in `path` are on stable storage. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Takes the lock file `path`, creating it, and writes `owner` into it for whoever comes second.
   *
   * @throws {DiskLockedError} If another open lock, in this process or another one, has it.
   */
  lock(path: string, owner: string): Promise<DiskLock>;
}
