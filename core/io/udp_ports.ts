/**
 * UDP sockets whose descriptors stay while what is behind them changes: another port, or none (dup3(2), socket(7)).
 *
 * The packet loop holds the descriptors by number and polls them. A change puts another socket under each number in one
 * step; whoever sleeps in `poll` on the old one holds it, and its port, until it is woken.
 *
 * @module
 */
import { Errno, OsError } from "./errno.ts";
import { FileDescriptor } from "./file_descriptor.ts";
import type { Libc } from "./libc_ffi.ts";
import { AF_INET, AF_INET6 } from "./socket_address.ts";
import { openUdpSockets, type UdpSocketPair } from "./udp_socket_linux.ts";
import { MeshError } from "../plugin/errors.ts";

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const O_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_MARK = 36;

/** One descriptor of each family. Begins shut. */
export class UdpPorts implements Disposable {
  readonly #libc: Libc;
  readonly #pair: UdpSocketPair;
  #port = 0;

  private constructor(libc: Libc, pair: UdpSocketPair) {
    this.#libc = libc;
    this.#pair = pair;
  }

  /** @throws {Error} If there are no sockets to be had. */
  static open(libc: Libc): UdpPorts {
    using stack = new DisposableStack();
    const ports = new UdpPorts(libc, stack.use(openUdpSockets(libc, 0)));
    ports.shut();
    stack.move();
    return ports;
  }

  /** For the packet loop. */
  get udp4(): number {
    return this.#pair.ipv4.fd;
  }

  /** `undefined` on a host without IPv6. */
  get udp6(): number | undefined {
    return this.#pair.ipv6?.fd;
  }

  /** Bound in both families; 0 while shut. */
  get port(): number {
    return this.#port;
  }

  /**
   * Receives on `port`, and on no other any more.
   *
   * @param port 0 for any that is free.
   * @param fwmark 0 for none.
   * @throws {ConfigError} If `port` is in use; nothing changed then.
   * @throws {MeshError} `permission-denied` if port or mark need a privilege; nothing changed then.
   */
  bind(port: number, fwmark: number): void {
    using fresh = openUdpSockets(this.#libc, port);
    const sockets = [fresh.ipv4, fresh.ipv6].filter((socket) => socket !== undefined);
    if (fwmark !== 0) { for (const { fd } of sockets) setMark(this.#libc, fd, fwmark); }
    this.#put(fresh.ipv4.fd, this.udp4);
    if (this.udp6 !== undefined && fresh.ipv6) this.#put(fresh.ipv6.fd, this.udp6);
    this.#port = fresh.port;
  }

  /**
   * Marks what is sent from now on, for the host's routing policy and firewall; 0 for no mark.
   *
   * @throws {MeshError} `permission-denied` without CAP_NET_ADMIN.
   */
  mark(fwmark: number): void {
    setMark(this.#libc, this.udp4, fwmark);
    if (this.udp6 !== undefined) setMark(this.#libc, this.udp6, fwmark);
  }

  /** Gives the port back: nothing is received. */
  shut(): void {
    for (const [family, fd] of [[AF_INET, this.udp4], [AF_INET6, this.udp6]] as const) {
      if (fd === undefined) continue;
      const opened = this.#libc.call.socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      using deaf = FileDescriptor.own(this.#libc, "socket", opened);
      this.#put(deaf.number, fd);
    }
    this.#port = 0;
  }

  [Symbol.dispose](): void {
    this.#pair[Symbol.dispose]();
  }

  #put(fd: number, under: number): void {
    if (this.#libc.call.dup3(fd, under, O_CLOEXEC) < 0) throw new OsError("dup3", this.#libc.errno());
  }
}

function setMark(libc: Libc, fd: number, fwmark: number): void {
  const bytes = new Uint32Array([fwmark]);
  if (libc.call.setsockopt(fd, SOL_SOCKET, SO_MARK, bytes, bytes.byteLength) >= 0) return;
  const cause = new OsError("setsockopt SO_MARK", libc.errno());
  if (cause.errno !== Errno.EPERM) throw cause;
  throw new MeshError("permission-denied", `Cannot mark packets: ${cause.message}`, {
    hint: "Run as root, or give the program the CAP_NET_ADMIN capability.",
    cause,
  });
}
