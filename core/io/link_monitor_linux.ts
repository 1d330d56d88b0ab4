/**
 * Being told what others do to a TUN interface: up, down, another MTU, another name, deleted; and following it when it is
 * moved into another network namespace, which people do with WireGuard interfaces (rtnetlink(7), ioctl TUNGETDEVNETNS).
 *
 * The descriptor knows the interface wherever it is. Messages of the kernel are only a sign to look again.
 *
 * @module
 */
import { Errno, OsError } from "./errno.ts";
import { FileDescriptor } from "./file_descriptor.ts";
import { HostNetwork } from "./host_network_linux.ts";
import { cString, type Libc } from "./libc_ffi.ts";
import { readString } from "./netlink_message.ts";
import { NetworkWatch } from "./network_watch_linux.ts";

// _IOR('T', 210, unsigned int)
const TUNGETIFF = 0x800454d2;
// _IO('T', 227)
const TUNGETDEVNETNS = 0x54e3;
const IFREQ_BYTES = 40;
const IFREQ_NAME_BYTES = 16;
const CLONE_NEWNET = 0x40000000;
const O_CLOEXEC = 0o2000000;
const OWN_NAMESPACE = "/proc/thread-self/ns/net";
/** The watch is to tell of every interface. */
const NO_INTERFACE = 0;

/** An interface as it is now. */
export interface LinkState {
  readonly name: string;
  readonly isUp: boolean;
  /** Bytes. */
  readonly mtu: number;
}

/** What looks at the interface from within its namespace. */
interface Lookout extends AsyncDisposable {
  readonly network: HostNetwork;
  /** Tells namespaces apart; `undefined` where the kernel does not say. */
  readonly namespace: number | undefined;
}

/** Watches one interface until it is disposed. */
export class LinkMonitor implements AsyncDisposable {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #onChange: (state: LinkState | undefined) => void;
  #lookout: Lookout;
  #closing: Promise<void> = Promise.resolve();
  #last = "";
  #isOver = false;

  private constructor(libc: Libc, fd: number, onChange: (state: LinkState | undefined) => void) {
    this.#libc = libc;
    this.#fd = fd;
    this.#onChange = onChange;
    this.#lookout = this.#lookOut();
  }

  /**
   * @param fd Of the TUN device; stays the caller's.
   * @param onChange Called before this returns with the state, then with each one that differs; with `undefined` once the
   * interface is deleted, and not again. Called on this thread.
   * @throws {OsError} If a sandbox forbids netlink.
   */
  static open(libc: Libc, fd: number, onChange: (state: LinkState | undefined) => void): LinkMonitor {
    const monitor = new LinkMonitor(libc, fd, onChange);
    monitor.#look();
    return monitor;
  }

  /** No call comes after this one has resolved. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#lookout[Symbol.asyncDispose]();
    await this.#closing;
  }

  /** A look that fails, for lack of memory or descriptors, is made up for by the next. */
  #lookAgain(): void {
    try {
      this.#look();
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
    }
  }

  #look(): void {
    if (this.#isOver) return;
    const name = this.#name();
    if (name === undefined) {
      this.#isOver = true;
      return this.#onChange(undefined);
    }
    this.#follow();
    const link = this.#lookout.network.link(name);
    // Between two namespaces it is in none; there will be a message when it has arrived.
    if (!link) return;
    const state: LinkState = { name: link.name, isUp: link.isUp, mtu: link.mtu };
    const text = JSON.stringify(state);
    if (text === this.#last) return;
    this.#last = text;
    this.#onChange(state);
  }

  /** `undefined` if the interface is deleted. */
  #name(): string | undefined {
    const request = new Uint8Array(IFREQ_BYTES);
    if (this.#libc.call.ioctl(this.#fd, TUNGETIFF, request) >= 0) {
      return readString(request.subarray(0, IFREQ_NAME_BYTES));
    }
    const errno = this.#libc.errno();
    if (errno === Errno.EBADFD) return undefined;
    throw new OsError("ioctl TUNGETIFF", errno);
  }

  /** Moves the lookout to where the interface is, unless that is where it stands. */
  #follow(): void {
    using namespace = this.#namespace();
    if (!namespace || inode(namespace) === this.#lookout.namespace) return;
    const left = this.#lookout;
    this.#lookout = this.#lookOut();
    this.#closing = this.#closing.then(() => left[Symbol.asyncDispose]());
  }

  #lookOut(): Lookout {
    using stack = new DisposableStack();
    const namespace = stack.use(this.#namespace());
    using _home = namespace && this.#enter(namespace);
    const network = HostNetwork.open(this.#libc);
    const watch = NetworkWatch.open(this.#libc, NO_INTERFACE, () => this.#lookAgain());
    return {
      network,
      namespace: namespace && inode(namespace),
      async [Symbol.asyncDispose]() {
        await watch[Symbol.asyncDispose]();
        network[Symbol.dispose]();
      },
    };
  }

  /** Where the interface is; `undefined` where the kernel does not say, and the interface has to stay. */
  #namespace(): FileDescriptor | undefined {
    const fd = this.#libc.call.ioctl(this.#fd, TUNGETDEVNETNS, null);
    return fd < 0 ? undefined : FileDescriptor.own(this.#libc, "ioctl TUNGETDEVNETNS", fd);
  }

  /** Puts this thread into a namespace until the result is disposed; stays where it is if it may not. */
  #enter(namespace: FileDescriptor): Disposable {
    const { call } = this.#libc;
    const home = FileDescriptor.own(this.#libc, "open", call.open(cString(OWN_NAMESPACE), O_CLOEXEC));
    call.setns(namespace.number, CLONE_NEWNET);
    return {
      [Symbol.dispose]: () => {
        const result = call.setns(home.number, CLONE_NEWNET);
        const errno = this.#libc.errno();
        home[Symbol.dispose]();
        if (result < 0 && errno !== Errno.EPERM) throw new OsError("setns", errno);
      },
    };
  }
}

function inode({ number }: FileDescriptor): number | undefined {
  return Deno.statSync(`/proc/self/fd/${number}`).ino ?? undefined;
}
