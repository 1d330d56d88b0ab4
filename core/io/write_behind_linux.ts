/**
 * Lets the disk begin with what was just written to a file, before anybody waits for it: sync_file_range(2).
 *
 * The runtime syncs a file on another thread, which must wake up first, and which asks the disk for two things one after
 * the other: to take the bytes, and to keep them. With this the disk has taken them, or is about to, when that thread
 * begins. It promises nothing: what counts is the sync, which also tells of what went wrong here.
 *
 * @module
 */
import { openLibc } from "./libc_ffi.ts";

/** SYNC_FILE_RANGE_WRITE: begins, and waits for nothing. */
const BEGIN = 2;

const SYMBOLS = {
  // int sync_file_range(int fd, off_t offset, off_t nbytes, unsigned int flags);
  sync_file_range: { parameters: ["i32", "i64", "i64", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The call, for files that share it: the library is open while one of them is. */
export class WriteBehind {
  #library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;
  #filesCount = 0;

  /** One more file will be written. */
  join(): void {
    if (this.#filesCount++ > 0) return;
    try {
      this.#library = openLibc(SYMBOLS);
    } catch {
      // There is no such call here, or this program may not make it: the sync does it all.
    }
  }

  /** A file that joined is closed. */
  leave(): void {
    if (--this.#filesCount > 0) return;
    this.#library?.close();
    this.#library = undefined;
  }

  /** `length` bytes from `position` on were written to `fd`, and will be synced. */
  begin(fd: number, position: number, length: number): void {
    this.#library?.symbols.sync_file_range(fd, BigInt(position), BigInt(length), BEGIN);
  }
}
