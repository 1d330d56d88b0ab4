/**
 * Error numbers of Linux (asm-generic/errno*.h, equal on x86_64 and aarch64) and the error that carries one.
 *
 * @module
 */

/** The error numbers that some code path tells apart. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMFILE: 24,
  EBADFD: 77,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  ECANCELED: 125,
} as const;

const NAMES = new Map<number, string>(Object.entries(Errno).map(([name, number]) => [number, name]));

/** `EPERM` for 1; `errno 200` for numbers without a name here. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** A system call failed. Callers who know what it means to the operator wrap it as the cause of a typed error. */
export class OsError extends Error {
  override readonly name = "OsError";
  /** The number, e.g. 1. */
  readonly errno: number;
  /** Its name, e.g. `EPERM`. */
  readonly code: string;

  /** @param detail What the kernel said beyond the number, when it did. */
  constructor(call: string, errno: number, detail?: string) {
    super(`${call}: ${errnoName(errno)}${detail ? ` (${detail})` : ""}`);
    this.errno = errno;
    this.code = errnoName(errno);
  }
}
