/**
 * An event counter that wakes a thread blocked in `poll` (eventfd(2)).
 *
 * @module
 */
import { Errno, OsError } from "./errno.ts";
import { FileDescriptor } from "./file_descriptor.ts";
import type { Libc } from "./libc_ffi.ts";

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
/** The counter is one 64-bit integer. */
const EVENTFD_BYTES = 8;

/** One end of an eventfd; any number of wakes before a clear are one wake. */
export class Eventfd implements Disposable {
  readonly #libc: Libc;
  readonly #descriptor: FileDescriptor;
  readonly #one = new Uint8Array(new BigUint64Array([1n]).buffer);
  readonly #count = new Uint8Array(EVENTFD_BYTES);

  private constructor(libc: Libc, descriptor: FileDescriptor) {
    this.#libc = libc;
    this.#descriptor = descriptor;
  }

  /** Makes one with a count of zero. @throws {OsError} If the process has no descriptors left. */
  static open(libc: Libc): Eventfd {
    const flags = EFD_CLOEXEC | EFD_NONBLOCK;
    return new Eventfd(libc, FileDescriptor.own(libc, "eventfd", libc.call.eventfd(0, flags)));
  }

  /** The other thread's end of one that its owner closes. */
  static lent(libc: Libc, fd: number): Eventfd {
    return new Eventfd(libc, FileDescriptor.lent(fd));
  }

  /** For `poll`. */
  get fd(): number {
    return this.#descriptor.number;
  }

  /** Makes the descriptor readable. */
  wake(): void {
    if (this.#libc.call.write(this.fd, this.#one, EVENTFD_BYTES) >= 0) return;
    const errno = this.#libc.errno();
    // A full counter is as readable as can be.
    if (errno !== Errno.EAGAIN) throw new OsError("write(eventfd)", errno);
  }

  /** Makes the descriptor unreadable until the next wake. */
  clear(): void {
    if (this.#libc.call.read(this.fd, this.#count, EVENTFD_BYTES) >= 0) return;
    const errno = this.#libc.errno();
    if (errno !== Errno.EAGAIN) throw new OsError("read(eventfd)", errno);
  }

  [Symbol.dispose](): void {
    this.#descriptor[Symbol.dispose]();
  }
}
