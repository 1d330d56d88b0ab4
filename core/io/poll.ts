/**
 * Waiting on a fixed set of file descriptors (poll(2)).
 *
 * @module
 */
import { assert } from "../assert.ts";
import { Errno, OsError } from "./errno.ts";
import type { Libc } from "./libc_ffi.ts";

/*
 * struct pollfd { int fd; short events; short revents; }, as two little-endian 32-bit words: the descriptor, and
 * `events` in the low half with `revents` in the high half.
 */
const POLLFD_WORDS = 2;
const EVENTS_WORD = 1;
const REVENTS_SHIFT = 16;
const POLLIN = 0x001;
const POLLNVAL = 0x020;
/** poll takes a C int. */
const TIMEOUT_MAX_MS = 0x7fffffff;

/** Waits until one of its descriptors can be read. */
export class Poller {
  readonly #libc: Libc;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #count: number;

  /** @param fds Descriptors that stay open as long as this poller is used; known below by their index. */
  constructor(libc: Libc, fds: readonly number[]) {
    this.#libc = libc;
    this.#count = fds.length;
    this.#words = new Int32Array(fds.length * POLLFD_WORDS);
    fds.forEach((fd, index) => {
      this.#words[index * POLLFD_WORDS] = fd;
      this.#words[index * POLLFD_WORDS + EVENTS_WORD] = POLLIN;
    });
  }

  /**
   * Blocks the thread until a descriptor is ready or `timeoutMs` have passed. A signal ends the wait early.
   *
   * @param timeoutMs Rounded up to whole milliseconds, so that a deadline is never met early; `Infinity` waits forever.
   * @throws {OsError} If the kernel refuses the set.
   */
  wait(timeoutMs: number): void {
    const timeout = timeoutMs === Infinity ? -1 : Math.min(Math.max(Math.ceil(timeoutMs), 0), TIMEOUT_MAX_MS);
    if (this.#libc.steady.poll(this.#words, this.#count, timeout) >= 0) return;
    const errno = this.#libc.errno();
    if (errno !== Errno.EINTR) throw new OsError("poll", errno);
    for (let i = 0; i < this.#count; i++) this.#words[i * POLLFD_WORDS + EVENTS_WORD] = POLLIN;
  }

  /** Whether descriptor number `index` had data, or an error that reading will report, when the last wait ended. */
  isReady(index: number): boolean {
    const revents = (this.#words[index * POLLFD_WORDS + EVENTS_WORD] ?? 0) >>> REVENTS_SHIFT;
    assert((revents & POLLNVAL) === 0, "a polled descriptor stays open as long as its poller is used");
    return revents !== 0;
  }
}
