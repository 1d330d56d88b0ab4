/**
 * A descriptor from which can be read what was written to it, packet by packet: a Unix socket that is connected to itself
 * (unix(7)). It plays a TUN device behind which somebody sends every packet back.
 *
 * @module
 */
import { FileDescriptor } from "./file_descriptor.ts";
import type { Libc } from "./libc_ffi.ts";
import { OsError } from "./errno.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** sizeof(struct sockaddr_un). */
const ADDRESS_BYTES = 110;
/** sizeof(sa_family_t): an address without a name, for which the kernel chooses one that is no file's. */
const FAMILY_BYTES = 2;

/** A packet longer than its socket's buffer is refused, and one too many; reading never waits. @throws {OsError} */
export function openPacketMirror(libc: Libc): FileDescriptor {
  using stack = new DisposableStack();
  const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const descriptor = stack.use(FileDescriptor.own(libc, "socket", libc.call.socket(AF_UNIX, type, 0)));
  const fd = descriptor.number;
  const address = new Uint8Array(ADDRESS_BYTES);
  address[0] = AF_UNIX;
  const addressBytes = Uint32Array.of(ADDRESS_BYTES);
  if (libc.call.bind(fd, address, FAMILY_BYTES) < 0) throw new OsError("bind", libc.errno());
  if (libc.call.getsockname(fd, address, addressBytes) < 0) throw new OsError("getsockname", libc.errno());
  if (libc.call.connect(fd, address, addressBytes[0] ?? 0) < 0) throw new OsError("connect", libc.errno());
  stack.move();
  return descriptor;
}
