/**
 * Ownership of a file descriptor: closed by its owner, exactly once, and lent to other threads by number.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { Libc } from "./libc_ffi.ts";
import { OsError } from "./errno.ts";

/** A file descriptor that this object closes, or one that another thread lends and closes later. */
export class FileDescriptor implements Disposable {
  /** What the kernel calls it. */
  readonly number: number;
  /** `undefined` when lent, and after the descriptor was closed. */
  #owner: Libc | undefined;

  private constructor(number: number, owner: Libc | undefined) {
    this.number = number;
    this.#owner = owner;
  }

  /**
   * Takes the result of a call that opens something.
   *
   * @param call The C function's name, for the error.
   * @throws {OsError} If `result` is negative.
   */
  static own(libc: Libc, call: string, result: number): FileDescriptor {
    if (result < 0) throw new OsError(call, libc.errno());
    return new FileDescriptor(result, libc);
  }

  /** A descriptor whose owner outlives this object; disposing does nothing. */
  static lent(number: number): FileDescriptor {
    assert(Number.isInteger(number) && number >= 0, "a file descriptor is a small non-negative integer");
    return new FileDescriptor(number, undefined);
  }

  /** Closes an owned descriptor; the second time does nothing, because the number may already be somebody else's. */
  [Symbol.dispose](): void {
    const libc = this.#owner;
    this.#owner = undefined;
    // Linux frees the number whatever close() answers, so there is nothing to retry.
    libc?.call.close(this.number);
  }
}
