/**
 * UDP sockets of Linux (udp(7), ip(7), ipv6(7)) for the tunnel's datagrams: one per address family, on one port.
 *
 * Runs of datagrams of one size cross the kernel as one, where it can (UDP_SEGMENT, UDP_GRO). Answers leave from the address
 * that was asked (IP_PKTINFO, IPV6_PKTINFO).
 *
 * @module
 */
import type { Endpoint } from "../ip/endpoint.ts";
import { ConfigError, MeshError } from "../plugin/errors.ts";
import type { SendResult, UdpSocket } from "../seams/udp_socket.ts";
import { Errno, OsError } from "./errno.ts";
import { FileDescriptor } from "./file_descriptor.ts";
import type { Libc } from "./libc_ffi.ts";
import {
  AF_INET,
  AF_INET6,
  anyAddress,
  loopbackAddress,
  portOf,
  readSocketAddress,
  SOCKET_ADDRESS_BYTES,
  writeSocketAddress,
} from "./socket_address.ts";
import { IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, SocketMessage, SOL_UDP, UDP_GRO } from "./socket_message.ts";

/** Kernel buffer asked for in each direction: a tenth of a second at 300 Mbit/s. */
export const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;
/** Attempts to find a port that is free in both families when any port will do. */
const ANY_PORT_ATTEMPTS_MAX = 16;

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const IP_MTU_DISCOVER = 10;
const IP_PMTUDISC_OMIT = 5;
/** The same number in both families. */
const PMTUDISC_PROBE = 3;
const IPV6_MTU_DISCOVER = 23;
const IPV6_PMTUDISC_WANT = 1;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;

/** The sockets of one tunnel. */
export interface UdpSocketPair extends Disposable {
  readonly ipv4: UdpSocketLinux;
  /** `undefined` on a host without IPv6. */
  readonly ipv6: UdpSocketLinux | undefined;
  /** The port both are bound to. */
  readonly port: number;
}

/** A UDP socket over a descriptor that is owned or lent. */
export class UdpSocketLinux implements UdpSocket {
  readonly family: 4 | 6;
  readonly port: number;
  readonly #libc: Libc;
  readonly #descriptor: FileDescriptor;
  readonly #outgoing = new SocketMessage();
  readonly #incoming = new SocketMessage();
  #receivedSegmentBytes = 0;

  constructor(libc: Libc, descriptor: FileDescriptor, family: 4 | 6, port: number) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    this.family = family;
    this.port = port;
  }

  /** The packet loop's end of a socket that another thread bound and will close. */
  static lent(libc: Libc, fd: number, family: 4 | 6, port: number): UdpSocketLinux {
    return new UdpSocketLinux(libc, FileDescriptor.lent(fd), family, port);
  }

  get fd(): number {
    return this.#descriptor.number;
  }

  get receivedSegmentBytes(): number {
    return this.#receivedSegmentBytes;
  }

  /**
   * An empty datagram also counts as nothing; a caller that polls again finds what is behind it.
   *
   * @throws {OsError} Only if the descriptor is no open socket.
   */
  receive(buffer: Uint8Array, offset: number, from: Endpoint): number {
    const message = this.#incoming;
    message.toReceive(buffer, offset);
    const length = this.#libc.steady.recvmsg(this.fd, message.header, 0);
    if (length > 0) {
      readSocketAddress(message.address, from);
      const segmentBytes = message.takeControl(from.local);
      this.#receivedSegmentBytes = segmentBytes > 0 && segmentBytes < length ? segmentBytes : length;
    }
    if (length >= 0) return length;
    const errno = this.#libc.errno();
    if (errno === Errno.EBADF) throw new OsError("recvmsg", errno);
    // The rest reports an earlier datagram's fate, or a shortage that passes.
    return 0;
  }

  send(buffer: Uint8Array, offset: number, length: number, to: Endpoint): SendResult {
    const errno = this.#send(buffer, offset, length, length, to);
    return errno === 0 ? "sent" : sendResultOf(errno);
  }

  sendRun(
    buffer: Uint8Array,
    offset: number,
    length: number,
    segmentBytes: number,
    to: Endpoint,
  ): SendResult | "not-as-run" {
    const errno = this.#send(buffer, offset, length, segmentBytes, to);
    switch (errno) {
      case 0:
        return "sent";
      // Old kernels and paths through devices that cannot sum; segments that the path would have to fragment.
      case Errno.EIO:
      case Errno.EINVAL:
      case Errno.EMSGSIZE:
      case Errno.EOPNOTSUPP:
        return "not-as-run";
      default:
        return sendResultOf(errno);
    }
  }

  /**
   * While forbidden, what is sent goes whole or not at all, whatever the kernel believes about the path: for finding out what
   * the path carries.
   */
  forbidFragments(isForbidden: boolean): void {
    const { level, option, usual } = FRAGMENTATION[this.family];
    trySetOption(this.#libc, this.fd, level, option, isForbidden ? PMTUDISC_PROBE : usual);
  }

  [Symbol.dispose](): void {
    this.#descriptor[Symbol.dispose]();
  }

  /** Returns 0 or an error number. */
  #send(buffer: Uint8Array, offset: number, length: number, segmentBytes: number, to: Endpoint): number {
    const message = this.#outgoing;
    message.toSend(buffer, offset, length, segmentBytes, writeSocketAddress(to, message.address));
    if (to.hasLocal) {
      message.leaveFrom(to.local, this.family);
      if (this.#libc.steady.sendmsg(this.fd, message.header, 0) >= 0) return 0;
      const errno = this.#libc.errno();
      if (errno !== Errno.EINVAL && errno !== Errno.EADDRNOTAVAIL && errno !== Errno.ENETUNREACH) return errno;
      // The host has the address no more, or no way out from it: any other will do.
      message.toSend(buffer, offset, length, segmentBytes, writeSocketAddress(to, message.address));
    }
    return this.#libc.steady.sendmsg(this.fd, message.header, 0) >= 0 ? 0 : this.#libc.errno();
  }
}

/** On which addresses of the host sockets hear. */
export type UdpReach = "everywhere" | "loopback";

/**
 * Binds UDP sockets of both families to one port.
 *
 * @param port 0 for any port that is free in both.
 * @throws {ConfigError} If `port` is in use.
 * @throws {MeshError} `permission-denied` if the port needs a privilege.
 */
export function openUdpSockets(libc: Libc, port: number, reach: UdpReach = "everywhere"): UdpSocketPair {
  for (let attempt = 1;; attempt++) {
    using stack = new DisposableStack();
    try {
      const ipv4 = stack.use(bindSocket(libc, 4, port, reach));
      const ipv6 = hasIpv6(libc, reach) ? stack.use(bindSocket(libc, 6, ipv4.port, reach)) : undefined;
      const owned = stack.move();
      return { ipv4, ipv6, port: ipv4.port, [Symbol.dispose]: () => owned[Symbol.dispose]() };
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      const tryAnother = port === 0 && error.errno === Errno.EADDRINUSE && attempt < ANY_PORT_ATTEMPTS_MAX;
      if (!tryAnother) throw explain(port, error);
    }
  }
}

function bindSocket(libc: Libc, family: 4 | 6, port: number, reach: UdpReach): UdpSocketLinux {
  using stack = new DisposableStack();
  const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const descriptor = stack.use(
    FileDescriptor.own(libc, "socket", libc.call.socket(family === 4 ? AF_INET : AF_INET6, type, 0)),
  );
  const fd = descriptor.number;
  if (family === 6) setOption(libc, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  const { level, option, usual } = FRAGMENTATION[family];
  setOption(libc, fd, level, option, usual);
  // Without it datagrams arrive one by one.
  trySetOption(libc, fd, SOL_UDP, UDP_GRO, 1);
  // Without it answers leave from whatever address the route says.
  if (family === 4) trySetOption(libc, fd, IPPROTO_IP, IP_PKTINFO, 1);
  else trySetOption(libc, fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  setBuffer(libc, fd, SO_RCVBUFFORCE, SO_RCVBUF);
  setBuffer(libc, fd, SO_SNDBUFFORCE, SO_SNDBUF);
  const address = addressFor(reach, family, port);
  if (libc.call.bind(fd, address, address.length) < 0) throw new OsError("bind", libc.errno());
  const bound = new Uint8Array(SOCKET_ADDRESS_BYTES);
  if (libc.call.getsockname(fd, bound, new Uint32Array([bound.length])) < 0) {
    throw new OsError("getsockname", libc.errno());
  }
  stack.move();
  return new UdpSocketLinux(libc, descriptor, family, portOf(bound));
}

/**
 * The tunnel's inner MTU is what paces packet sizes, so outer packets that turn out too big are fragmented and not
 * lost. IPv4: send without DF and believe no ICMP about the path, which anybody can forge; routers cut what must be cut.
 * IPv6: only senders may cut, so the path MTU that the kernel learns is believed.
 */
const FRAGMENTATION = {
  4: { level: IPPROTO_IP, option: IP_MTU_DISCOVER, usual: IP_PMTUDISC_OMIT },
  6: { level: IPPROTO_IPV6, option: IPV6_MTU_DISCOVER, usual: IPV6_PMTUDISC_WANT },
} as const;

/** Beyond the system's limit where the process may, up to it where it may not. */
function setBuffer(libc: Libc, fd: number, forceOption: number, option: number): void {
  const size = new Int32Array([SOCKET_BUFFER_BYTES]);
  if (libc.call.setsockopt(fd, SOL_SOCKET, forceOption, size, size.byteLength) >= 0) return;
  setOption(libc, fd, SOL_SOCKET, option, SOCKET_BUFFER_BYTES);
}

function setOption(libc: Libc, fd: number, level: number, option: number, value: number): void {
  if (!trySetOption(libc, fd, level, option, value)) {
    throw new OsError(`setsockopt ${level}/${option}`, libc.errno());
  }
}

function trySetOption(libc: Libc, fd: number, level: number, option: number, value: number): boolean {
  const bytes = new Int32Array([value]);
  return libc.call.setsockopt(fd, level, option, bytes, bytes.byteLength) >= 0;
}

function addressFor(reach: UdpReach, family: 4 | 6, port: number): Uint8Array<ArrayBuffer> {
  return reach === "loopback" ? loopbackAddress(family, port) : anyAddress(family, port);
}

/** False when the kernel has no IPv6, or has it without a single address, not even the unspecified one. */
function hasIpv6(libc: Libc, reach: UdpReach): boolean {
  const opened = libc.call.socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (opened < 0) {
    const errno = libc.errno();
    if (errno === Errno.EAFNOSUPPORT) return false;
    throw new OsError("socket", errno);
  }
  using _socket = FileDescriptor.own(libc, "socket", opened);
  const address = addressFor(reach, 6, 0);
  return libc.call.bind(opened, address, address.length) >= 0 || libc.errno() !== Errno.EADDRNOTAVAIL;
}

function sendResultOf(errno: number): SendResult {
  switch (errno) {
    case Errno.EAGAIN:
    case Errno.EINTR:
    case Errno.ENOBUFS:
    case Errno.ENOMEM:
      return "would-block";
    case Errno.EMSGSIZE:
      return "too-big";
    case Errno.ECONNREFUSED:
    case Errno.EPERM:
    case Errno.EACCES:
      return "refused";
    default:
      // No route, no neighbour, no address of the family, interface down: whatever it is, it may pass.
      return "unreachable";
  }
}

function explain(port: number, cause: OsError): Error {
  switch (cause.errno) {
    case Errno.EADDRINUSE:
      return new ConfigError(
        port === 0 ? "No UDP port is free in both address families" : `UDP port ${port} is in use`,
        port === 0
          ? "Choose a listen port."
          : `Stop the program that holds it (ss -ulpn "sport = ${port}" names it), or choose another listen port.`,
      );
    case Errno.EACCES:
    case Errno.EPERM:
      return new MeshError("permission-denied", `Cannot bind UDP port ${port}: ${cause.message}`, {
        hint: "Run as root, give the program the CAP_NET_BIND_SERVICE capability, or choose a listen port above 1023.",
        cause,
      });
    default:
      return cause;
  }
}
