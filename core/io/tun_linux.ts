/**
 * TUN devices of Linux (Documentation/networking/tuntap.rst): layer 3, no packet information header, and super-packets
 * with a virtio header as far as the kernel has them.
 *
 * The device is not persistent: when the last descriptor closes, also by a crash, the kernel removes the interface and
 * with it every address and route on it. Leaves out multiple queues.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { ConfigError, MeshError } from "../plugin/errors.ts";
import { type Tun, type TunOffloads, VIRTIO_HEADER_BYTES } from "../seams/tun.ts";
import { Errno, OsError } from "./errno.ts";
import { FileDescriptor } from "./file_descriptor.ts";
import { IoVectors } from "./io_vectors.ts";
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
// _IOR('T', 210, unsigned int)
const TUNGETIFF = 0x800454d2;
// _IOW('T', 208, unsigned int)
const TUNSETOFFLOAD = 0x400454d0;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
// Refuses a device that exists, so that disposing never leaves or takes away somebody else's.
const IFF_TUN_EXCL = 0x8000;

const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_TSO_ECN = 0x08;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;

/** What to ask for, best first; UDP since Linux 6.2. */
const OFFLOAD_STEPS: readonly { readonly flags: number; readonly offloads: TunOffloads }[] = [
  {
    flags: TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6,
    offloads: { tcp: true, udp: true },
  },
  { flags: TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN, offloads: { tcp: true, udp: false } },
];
const NO_OFFLOADS: TunOffloads = { tcp: false, udp: false };
const ALL_OFFLOADS: TunOffloads = { tcp: true, udp: true };

/** Pieces that one packet may be in. */
export const PIECES_MAX = 128;

// struct ifreq { char ifr_name[16]; union { short ifr_flags; ... }; }
const IFREQ_BYTES = 40;
const IFREQ_FLAGS_OFFSET = 16;

/** What a new device is asked for. */
export interface TunOptions {
  /** False for a device whose packets are never larger than its MTU. */
  readonly hasOffloads?: boolean;
}

/** A TUN device over a descriptor that is owned or lent. */
export class TunLinux implements Tun {
  readonly name: string;
  readonly offloads: TunOffloads;
  readonly #libc: Libc;
  readonly #descriptor: FileDescriptor;
  /** Of the virtio header that the kernel wants and gives; 0 if it does not know them. */
  readonly #headerBytes: number;
  readonly #readView = new ViewCache();
  readonly #pieces = new IoVectors(PIECES_MAX);

  private constructor(libc: Libc, descriptor: FileDescriptor, name: string, hasHeader: boolean, offloads: TunOffloads) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    this.name = name;
    this.#headerBytes = hasHeader ? VIRTIO_HEADER_BYTES : 0;
    this.offloads = offloads;
  }

  /**
   * Creates the interface `name`; it is down and has no address.
   *
   * @throws {ConfigError} If the name is no interface name or is taken, or this kernel has no TUN devices.
   * @throws {MeshError} `permission-denied` without CAP_NET_ADMIN.
   */
  static create(libc: Libc, name: string, { hasOffloads = false }: TunOptions = {}): TunLinux {
    checkInterfaceName(name);
    using stack = new DisposableStack();
    const opened = libc.call.open(cString(TUN_PATH), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (opened < 0) throw explain(name, new OsError(`open ${TUN_PATH}`, libc.errno()));
    const descriptor = stack.use(FileDescriptor.own(libc, "open", opened));
    // A kernel that does not know a flag says EINVAL.
    const isMade = hasOffloads && libc.call.ioctl(opened, TUNSETIFF, createRequest(name, IFF_VNET_HDR)) >= 0;
    const mayRetry = !hasOffloads || libc.errno() === Errno.EINVAL;
    if (!isMade && !(mayRetry && libc.call.ioctl(opened, TUNSETIFF, createRequest(name, 0)) >= 0)) {
      throw explain(name, new OsError("ioctl TUNSETIFF", libc.errno()));
    }
    const tun = TunLinux.#over(libc, descriptor, name);
    stack.move();
    return tun;
  }

  /** The packet loop's end of a device that another thread created and will close. */
  static lent(libc: Libc, fd: number, name: string): TunLinux {
    return TunLinux.#over(libc, FileDescriptor.lent(fd), name);
  }

  /** Plays a device with all offloads over anything that keeps packets with their virtio headers apart. */
  static standIn(libc: Libc, fd: number, name: string): TunLinux {
    return new TunLinux(libc, FileDescriptor.lent(fd), name, true, ALL_OFFLOADS);
  }

  static #over(libc: Libc, descriptor: FileDescriptor, name: string): TunLinux {
    const hasHeader = (flagsOf(libc, descriptor) & IFF_VNET_HDR) !== 0;
    const offloads = hasHeader ? negotiateOffloads(libc, descriptor) : NO_OFFLOADS;
    return new TunLinux(libc, descriptor, name, hasHeader, offloads);
  }

  get fd(): number {
    return this.#descriptor.number;
  }

  /** @throws {OsError} `EBADFD` when somebody deleted the interface. */
  read(buffer: Uint8Array, offset: number): number {
    const start = offset - this.#headerBytes;
    assert(offset >= VIRTIO_HEADER_BYTES, "a packet has room for its virtio header");
    const length = this.#libc.steady.read(this.fd, this.#readView.at(buffer, start), buffer.length - start);
    if (length >= 0) {
      if (this.#headerBytes === 0) buffer.fill(0, offset - VIRTIO_HEADER_BYTES, offset);
      return Math.max(length - this.#headerBytes, 0);
    }
    const errno = this.#libc.errno();
    // EIO: the interface is down.
    if (errno === Errno.EAGAIN || errno === Errno.EINTR || errno === Errno.EIO) return 0;
    throw new OsError(`read ${this.name}`, errno);
  }

  /** Any refusal drops the packet: no room, no IP version the kernel knows, interface down. */
  write(buffer: Uint8Array, offset: number, length: number): boolean {
    this.#pieces.set(0, buffer, offset - this.#headerBytes, length + this.#headerBytes);
    // An empty vector is no call at all for the kernel, and no error either.
    return length > 0 && this.#libc.steady.writev(this.fd, this.#pieces.words, 1) === length + this.#headerBytes;
  }

  writeGathered(buffer: Uint8Array, pieces: Uint32Array, count: number): boolean {
    assert(count > 0 && count <= PIECES_MAX, "a packet has no more pieces than a device takes");
    const skipped = VIRTIO_HEADER_BYTES - this.#headerBytes;
    let totalBytes = -skipped;
    for (let i = 0; i < count; i++) {
      const offset = pieces[2 * i]! + (i === 0 ? skipped : 0);
      const length = pieces[2 * i + 1]! - (i === 0 ? skipped : 0);
      this.#pieces.set(i, buffer, offset, length);
      totalBytes += pieces[2 * i + 1]!;
    }
    return this.#libc.steady.writev(this.fd, this.#pieces.words, count) === totalBytes;
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

function createRequest(name: string, moreFlags: number): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(IFREQ_BYTES);
  new TextEncoder().encodeInto(name, request);
  const flags = IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL | moreFlags;
  new DataView(request.buffer).setUint16(IFREQ_FLAGS_OFFSET, flags, true);
  return request;
}

/** The flags with which a device was made; 0 for a descriptor that is none. */
function flagsOf(libc: Libc, descriptor: FileDescriptor): number {
  const request = new Uint8Array(IFREQ_BYTES);
  if (libc.call.ioctl(descriptor.number, TUNGETIFF, request) < 0) return 0;
  return new DataView(request.buffer).getUint16(IFREQ_FLAGS_OFFSET, true);
}

/** Asks for less until the kernel agrees; asking again for the same changes nothing. */
function negotiateOffloads(libc: Libc, descriptor: FileDescriptor): TunOffloads {
  for (const { flags, offloads } of OFFLOAD_STEPS) {
    if (libc.call.setOffload(descriptor.number, TUNSETOFFLOAD, flags) >= 0) return offloads;
  }
  return NO_OFFLOADS;
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
      return new MeshError(
        "permission-denied",
        `Cannot create network interface "${name}": this system has no ${TUN_PATH}`,
        {
          hint: `Load the kernel module (modprobe tun), or hand the device to the container (--device ${TUN_PATH}).`,
          cause,
        },
      );
    default:
      return cause;
  }
}
