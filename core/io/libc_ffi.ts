/**
 * The C library's system call wrappers, loaded once per thread, for Linux on x86_64 and aarch64 with glibc or musl.
 *
 * Both machines share the numbers of every flag and errno used in `core/io/`, and both are little-endian, so no file
 * here asks which one it runs on. Parameters are only `buffer`, `i32` and `u32`: any other type sends each call down
 * Deno's slow path, at four times the cost. Lengths are therefore `u32` where C says `size_t`, and results `i32` where
 * C says `ssize_t`; no buffer here comes near 2 GiB.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { SteadyCalls } from "./steady_calls.ts";

const SYMBOLS = {
  // int open(const char *path, int flags, ...);
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // int dup3(int oldfd, int newfd, int flags);
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int setns(int fd, int nstype);
  setns: { parameters: ["i32", "i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count);
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // ssize_t writev(int fd, const struct iovec *iov, int iovcnt);
  writev: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // int ioctl(int fd, unsigned long request, ...);
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  // The same for requests whose argument is a number.
  setOffload: { name: "ioctl", parameters: ["i32", "u32", "u32"], result: "i32" },
  // int eventfd(unsigned int initval, int flags);
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  // The same on a thread of the runtime, so that the caller's goes on: resolves with the result; errno is not to be had.
  pollAside: { name: "poll", parameters: ["buffer", "u32", "i32"], result: "i32", nonblocking: true },
  // int timerfd_create(int clockid, int flags);
  timerfd_create: { parameters: ["i32", "i32"], result: "i32" },
  // int timerfd_settime(int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value);
  timerfd_settime: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int socketpair(int domain, int type, int protocol, int sv[2]);
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addrlen);
  sendto: { parameters: ["i32", "buffer", "u32", "i32", "buffer", "u32"], result: "i32" },
  // ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen);
  recvfrom: { parameters: ["i32", "buffer", "u32", "i32", "buffer", "buffer"], result: "i32" },
  // ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags);
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // int clock_gettime(clockid_t clockid, struct timespec *tp);
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** glibc first, then musl by its two names, then whatever the linker calls the C library. */
const LIBRARY_NAMES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"];

/**
 * The loaded C library. Belongs to the thread that opened it, because errno does.
 *
 * Dispose it after everything that was opened through it.
 */
export class Libc implements Disposable {
  /** The functions by their C names. Negative results mean failure: read {@linkcode Libc.errno} before anything else. */
  readonly call: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  /** Those that packets need, for whoever makes them often or must be quick: the same functions. */
  readonly steady: SteadyCalls;
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #errno: Int32Array;

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>) {
    const location = library.symbols.__errno_location();
    assert(location !== null, "__errno_location never returns null");
    this.#library = library;
    // The variable itself: reading it through the runtime would be a call as long as the one that failed.
    this.#errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, Int32Array.BYTES_PER_ELEMENT));
    this.call = library.symbols;
    this.steady = new SteadyCalls(library.symbols);
  }

  /**
   * Loads the C library for the calling thread.
   *
   * @throws {Error} If this is not Linux, or none of the known library names can be loaded.
   */
  static open(): Libc {
    return new Libc(openLibc(SYMBOLS));
  }

  /** The errno of this thread's latest failed call; any later call may change it. */
  errno(): number {
    return this.#errno[0]!;
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }
}

/**
 * Some functions of the C library, for who needs few of them and not for long: {@linkcode Libc} takes 4 ms to load.
 *
 * @throws {Error} If this is not Linux, or none of the known library names can be loaded.
 */
export function openLibc<const S extends Deno.ForeignLibraryInterface>(symbols: S): Deno.DynamicLibrary<S> {
  if (Deno.build.os !== "linux") throw new Error(`Cannot load the C library: "${Deno.build.os}" is not Linux`);
  let cause: unknown;
  for (const name of LIBRARY_NAMES) {
    try {
      return Deno.dlopen(name, symbols);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      cause ??= error;
    }
  }
  throw new Error(`Cannot load the C library: tried ${LIBRARY_NAMES.join(", ")}`, { cause });
}

/** A NUL-terminated UTF-8 string for a `const char *` parameter. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  assert(!text.includes("\0"), "a C string ends at its first NUL");
  return new TextEncoder().encode(`${text}\0`);
}
