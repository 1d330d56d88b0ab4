/**
 * Being told that time has jumped: somebody set the wall clock, or the machine slept (timerfd_create(2),
 * TFD_TIMER_CANCEL_ON_SET; the kernel counts waking up as setting the clock).
 *
 * @module
 */
import { Errno, OsError } from "./errno.ts";
import { FileDescriptor } from "./file_descriptor.ts";
import type { Libc } from "./libc_ffi.ts";

const CLOCK_REALTIME = 0;
const TFD_CLOEXEC = 0o2000000;
const TFD_NONBLOCK = 0o4000;
const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;
/** 2200-01-01: a time that does not come, because only a timer that is set can be cancelled. */
const FAR_SECONDS = 7_258_118_400n;
const EXPIRATIONS_BYTES = 8;

/** Readable once time has jumped. */
export class ClockWatch implements Disposable {
  readonly #libc: Libc;
  readonly #descriptor: FileDescriptor;

  private constructor(libc: Libc, descriptor: FileDescriptor) {
    this.#libc = libc;
    this.#descriptor = descriptor;
  }

  /** @throws {OsError} If the process has no descriptors left. */
  static open(libc: Libc): ClockWatch {
    using stack = new DisposableStack();
    const fd = libc.call.timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    const descriptor = stack.use(FileDescriptor.own(libc, "timerfd_create", fd));
    // struct itimerspec { struct timespec interval, value; }, each of 64-bit seconds and nanoseconds.
    const spec = new BigInt64Array([0n, 0n, FAR_SECONDS, 0n]);
    const flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    if (libc.call.timerfd_settime(fd, flags, spec, null) < 0) throw new OsError("timerfd_settime", libc.errno());
    stack.move();
    return new ClockWatch(libc, descriptor);
  }

  /** For `poll`. */
  get fd(): number {
    return this.#descriptor.number;
  }

  /** True if time has jumped since the last call. */
  take(): boolean {
    const result = this.#libc.call.read(this.fd, new Uint8Array(EXPIRATIONS_BYTES), EXPIRATIONS_BYTES);
    return result >= 0 || this.#libc.errno() === Errno.ECANCELED;
  }

  [Symbol.dispose](): void {
    this.#descriptor[Symbol.dispose]();
  }
}
