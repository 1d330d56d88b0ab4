/**
 * A device without privileges: real UDP sockets on the loopback interface, and a pair of Unix sockets for the TUN
 * device, which keep packets apart just as well.
 *
 * @module
 */
import type { DataPlaneOptions } from "../../../core/dataplane/data_plane.ts";
import { FileDescriptor } from "../../../core/io/file_descriptor.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";
import { openUdpSockets } from "../../../core/io/udp_socket_linux.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
/** A test that waits so long for a packet has failed. */
const PACKET_TIMEOUT_MS = 10_000;

/** See above. Dispose it after the data plane that uses it. */
export class FakeDevice implements Disposable {
  /** What `startDataPlane` wants. */
  readonly device: DataPlaneOptions["device"];
  readonly #libc: Libc;
  readonly #kernelEnd: FileDescriptor;
  readonly #stack: DisposableStack;

  constructor() {
    using stack = new DisposableStack();
    const libc = stack.use(Libc.open());
    const sockets = stack.use(openUdpSockets(libc, 0));
    const ends = new Int32Array(2);
    const result = libc.call.socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends);
    const [tunEnd, kernelEnd] = Array.from(
      ends,
      (fd) => stack.use(FileDescriptor.own(libc, "socketpair", result || fd)),
    );
    if (!tunEnd || !kernelEnd) throw new Error("A pair has two ends");
    this.#libc = libc;
    this.#kernelEnd = kernelEnd;
    this.device = {
      interfaceName: "fake0",
      mtu: 1420,
      listenPort: sockets.port,
      descriptors: { tun: tunEnd.number, udp4: sockets.ipv4.fd, udp6: sockets.ipv6?.fd },
      libc,
    };
    this.#stack = stack.move();
  }

  /** `127.0.0.1:<port>`. */
  get endpoint(): string {
    return `127.0.0.1:${this.device.listenPort}`;
  }

  /** The kernel routes a packet into the device. */
  route(packet: Uint8Array<ArrayBuffer>): void {
    const length = this.#libc.call.write(this.#kernelEnd.number, packet, packet.length);
    if (length !== packet.length) throw new Error("The fake device takes no packet");
  }

  /** The next packet that comes out of the device; blocks the thread. `undefined` if none comes. */
  take(timeoutMs = PACKET_TIMEOUT_MS): Uint8Array | undefined {
    new Poller(this.#libc, [this.#kernelEnd.number]).wait(timeoutMs);
    const packet = new Uint8Array(65536);
    const length = this.#libc.call.read(this.#kernelEnd.number, packet, packet.length);
    return length > 0 ? packet.subarray(0, length) : undefined;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
