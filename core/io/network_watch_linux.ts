/**
 * Being told that the host's network has changed: interfaces, addresses or routes (netlink(7), rtnetlink(7)), or that the
 * machine slept and may be somewhere else.
 *
 * A thread of the runtime sleeps in `poll` for it; while nothing changes nothing runs.
 *
 * @module
 */
import { delay } from "./alarm.ts";
import { ClockWatch } from "./clock_watch_linux.ts";
import { Errno, OsError } from "./errno.ts";
import { Eventfd } from "./eventfd.ts";
import { FileDescriptor } from "./file_descriptor.ts";
import type { Libc } from "./libc_ffi.ts";
import { parseMessages } from "./netlink_message.ts";
import { CHANGE_GROUPS, changedInterface } from "./rtnetlink_change.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;

// struct pollfd { int fd; short events; short revents; }
const POLLFD_BYTES = 8;
const POLLIN = 1;
const FOREVER = -1;
/** The kernel may lack memory for a moment. */
const POLL_AGAIN_MS = 1_000;

const RECEIVE_BYTES = 64 * 1024;

/** What changed: something in the network, or time jumped, be it that somebody set the clock or that the machine slept. */
export type WatchedChange = "network" | "time";

/** What a watch sleeps on. */
interface Watched {
  readonly netlink: FileDescriptor;
  readonly clock: ClockWatch;
  readonly stop: Eventfd;
}

/** Calls back after every change, until it is disposed. */
export class NetworkWatch implements AsyncDisposable {
  readonly #libc: Libc;
  readonly #watched: Watched;
  readonly #owned: Disposable;
  readonly #ownInterface: number;
  readonly #onChange: (change: WatchedChange) => void;
  readonly #received = new Uint8Array(RECEIVE_BYTES);
  /** Read and written by the other thread: memory of its own, which stays in place. */
  readonly #pollfds = new Int32Array(new ArrayBuffer(3 * POLLFD_BYTES));
  readonly #running: Promise<void>;
  #isStopping = false;

  private constructor(
    libc: Libc,
    watched: Watched,
    owned: Disposable,
    ownInterface: number,
    onChange: (change: WatchedChange) => void,
  ) {
    this.#libc = libc;
    this.#watched = watched;
    this.#owned = owned;
    this.#ownInterface = ownInterface;
    this.#onChange = onChange;
    const { netlink, clock, stop } = watched;
    [netlink.number, clock.fd, stop.fd].forEach((fd, index) => this.#pollfds.set([fd, POLLIN], 2 * index));
    this.#running = this.#run();
  }

  /**
   * @param ownInterface Number of an interface whose changes are none.
   * @param onChange Called on this thread, once for all that came at once.
   * @throws {OsError} If a sandbox forbids netlink.
   */
  static open(libc: Libc, ownInterface: number, onChange: (change: WatchedChange) => void): NetworkWatch {
    using stack = new DisposableStack();
    const watched: Watched = {
      netlink: stack.use(subscribe(libc)),
      clock: stack.use(ClockWatch.open(libc)),
      stop: stack.use(Eventfd.open(libc)),
    };
    return new NetworkWatch(libc, watched, stack.move(), ownInterface, onChange);
  }

  /** No call comes after this one has resolved. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    this.#watched.stop.wake();
    await this.#running;
    this.#owned[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    while (true) {
      const result = await this.#libc.call.pollAside(this.#pollfds, this.#pollfds.length / 2, FOREVER);
      if (this.#isStopping) return;
      if (result < 0) await delay(POLL_AGAIN_MS);
      if (this.#takeChanges()) this.#onChange("network");
      if (this.#watched.clock.take()) this.#onChange("time");
    }
  }

  /** Empties the socket. True if something of interest was in it. */
  #takeChanges(): boolean {
    let isChanged = false;
    while (true) {
      const { call } = this.#libc;
      const length = call.recvfrom(this.#watched.netlink.number, this.#received, RECEIVE_BYTES, 0, null, null);
      if (length < 0) {
        const errno = this.#libc.errno();
        if (errno === Errno.EINTR) continue;
        // More came than the kernel keeps: something has changed, and what does not matter.
        if (errno !== Errno.ENOBUFS) return isChanged;
        isChanged = true;
        continue;
      }
      for (const message of parseMessages(this.#received.subarray(0, length)) ?? []) {
        const index = changedInterface(message);
        if (index !== undefined && index !== this.#ownInterface) isChanged = true;
      }
    }
  }
}

function subscribe(libc: Libc): FileDescriptor {
  using stack = new DisposableStack();
  const fd = libc.call.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  const descriptor = stack.use(FileDescriptor.own(libc, "socket(AF_NETLINK)", fd));
  // struct sockaddr_nl { u16 family; u16 pad; u32 pid; u32 groups; }
  const address = new Uint8Array(new Uint32Array([AF_NETLINK, 0, CHANGE_GROUPS]).buffer);
  if (libc.call.bind(fd, address, address.length) < 0) throw new OsError("bind(AF_NETLINK)", libc.errno());
  stack.move();
  return descriptor;
}
