/**
 * TUN devices of Linux (Documentation/networking/tuntap.rst): layer 3, no packet information header.
 *
 * The device is not persistent: when the last descriptor closes, also by a crash, the kernel removes the interface and
 * with it every address and route on it. Leaves out IFF_VNET_HDR and multiple queues.
 *
 * @module
 */
import { ConfigError, MeshError } from "../plugin/errors.ts";
import type { Tun } from "../seams/tun.ts";
import { Errno, OsError } from "./errno.ts";
import { FileDescriptor } from "./file_descriptor.ts";
import { cString, type Libc } from "./libc_ffi.ts";
import { ViewCache } from "./view_cache.ts";

/** IFNAMSIZ less the NUL. */
export const INTERFACE_NAME_MAX_BYTES = 15;
const INTERFACE_NAME_REGEXP = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

const TUN_PATH = "/dev/net/tun";
const O_RDWR = 0o2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
// _IOW('T', 202, int)
const TUNSETIFF = 0x400454ca;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
// Refuses a device that exists, so that disposing never leaves or takes away somebody else's.
const IFF_TUN_EXCL = 0x8000;

// struct ifreq { char ifr_name[16]; union { short ifr_flags; ... }; }
const IFREQ_BYTES = 40;
const IFREQ_FLAGS_OFFSET = 16;

/** A TUN device over a descriptor that is owned or lent. */
export class TunLinux implements Tun {
  readonly name: string;
  readonly #libc: Libc;
  readonly #descriptor: FileDescriptor;
  readonly #readView = new ViewCache();
  readonly #writeView = new ViewCache();

  private constructor(libc: Libc, descriptor: FileDescriptor, name: string) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    this.name = name;
  }

  /**
   * Creates the interface `name`; it is down and has no address.
   *
   * @throws {ConfigError} If the name is no interface name or is taken, or this kernel has no TUN devices.
   * @throws {MeshError} `permission-denied` without CAP_NET_ADMIN.
   */
  static create(libc: Libc, name: string): TunLinux {
    checkInterfaceName(name);
    using stack = new DisposableStack();
    const opened = libc.call.open(cString(TUN_PATH), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (opened < 0) throw explain(name, new OsError(`open ${TUN_PATH}`, libc.errno()));
    const descriptor = stack.use(FileDescriptor.own(libc, "open", opened));
    if (libc.call.ioctl(opened, TUNSETIFF, createRequest(name)) < 0) {
      throw explain(name, new OsError("ioctl TUNSETIFF", libc.errno()));
    }
    stack.move();
    return new TunLinux(libc, descriptor, name);
  }

  /** The packet loop's end of a device that another thread created and will close. */
  static lent(libc: Libc, fd: number, name: string): TunLinux {
    return new TunLinux(libc, FileDescriptor.lent(fd), name);
  }

  get fd(): number {
    return this.#descriptor.number;
  }

  /** @throws {OsError} `EBADFD` when somebody deleted the interface. */
  read(buffer: Uint8Array, offset: number): number {
    const length = this.#libc.call.read(this.fd, this.#readView.at(buffer, offset), buffer.length - offset);
    if (length >= 0) return length;
    const errno = this.#libc.errno();
    // EIO: the interface is down.
    if (errno === Errno.EAGAIN || errno === Errno.EINTR || errno === Errno.EIO) return 0;
    throw new OsError(`read ${this.name}`, errno);
  }

  /** Any refusal drops the packet: no room, no IP version the kernel knows, interface down. */
  write(buffer: Uint8Array, offset: number, length: number): boolean {
    return this.#libc.call.write(this.fd, this.#writeView.at(buffer, offset), length) === length;
  }

  [Symbol.dispose](): void {
    this.#descriptor[Symbol.dispose]();
  }
}

/** @throws {ConfigError} If Linux or the people at the other end of `ip link` would stumble over `name`. */
export function checkInterfaceName(name: string): void {
  if (name.length > INTERFACE_NAME_MAX_BYTES) {
    throw new ConfigError(
      `Interface name "${name}" has ${name.length} characters, Linux allows ${INTERFACE_NAME_MAX_BYTES}`,
      "Choose a shorter interface name.",
    );
  }
  if (!INTERFACE_NAME_REGEXP.test(name)) {
    throw new ConfigError(
      `Interface name "${name}" is not valid`,
      "Use letters, digits, dots, dashes and underscores, and start with a letter, a digit or an underscore.",
    );
  }
}

function createRequest(name: string): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(IFREQ_BYTES);
  new TextEncoder().encodeInto(name, request);
  new DataView(request.buffer).setUint16(IFREQ_FLAGS_OFFSET, IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL, true);
  return request;
}

function explain(name: string, cause: OsError): Error {
  switch (cause.errno) {
    case Errno.EPERM:
    case Errno.EACCES:
      return new MeshError("permission-denied", `Cannot create network interface "${name}": ${cause.message}`, {
        hint: "Run as root, or give the program the CAP_NET_ADMIN capability.",
        cause,
      });
    case Errno.EBUSY:
      return new ConfigError(
        `Interface name "${name}" is taken`,
        `Stop the program that made it, remove it (ip link delete ${name}), or choose another interface name.`,
      );
    case Errno.ENOENT:
    case Errno.ENODEV:
    case Errno.ENXIO:
      return new ConfigError(
        `Cannot create network interface "${name}": this system has no ${TUN_PATH}`,
        `Load the kernel module (modprobe tun), or hand the device to the container (--device ${TUN_PATH}).`,
      );
    default:
      return cause;
  }
}
