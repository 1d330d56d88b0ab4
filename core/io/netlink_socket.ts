/**
 * Requests to the kernel over a netlink socket (netlink(7)).
 *
 * Calls are synchronous: the kernel does what it is asked while the request is being sent, so the answer waits when the
 * send returns. Leaves out multicast groups (watching for changes).
 *
 * @module
 */
import { Errno, OsError } from "./errno.ts";
import { FileDescriptor } from "./file_descriptor.ts";
import type { Libc } from "./libc_ffi.ts";
import {
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_DUMP_INTERRUPTED,
  NLMSG_DONE,
  NLMSG_ERROR,
  parseError,
  parseMessages,
} from "./netlink_message.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
/** recvfrom answers with the real length of a datagram that it had to cut. */
const MSG_TRUNC = 0x20;

/** The kernel fills at most 32 KiB per dump datagram. */
const RECEIVE_BYTES = 64 * 1024;
/** Answers come at once; this only keeps a kernel bug from hanging the thread. */
const ANSWER_TIMEOUT_SECONDS = 5;
/** Dumps are repeated while the state changes under them. */
const DUMP_ATTEMPTS_MAX = 8;

/** A connection to the kernel's routing family. */
export class NetlinkSocket implements Disposable {
  readonly #libc: Libc;
  readonly #descriptor: FileDescriptor;
  readonly #received = new Uint8Array(RECEIVE_BYTES);
  #sequence = 0;

  private constructor(libc: Libc, descriptor: FileDescriptor) {
    this.#libc = libc;
    this.#descriptor = descriptor;
  }

  /** @throws {OsError} If the process has no descriptors left, or a sandbox forbids netlink. */
  static open(libc: Libc): NetlinkSocket {
    const fd = libc.call.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    const socket = new NetlinkSocket(libc, FileDescriptor.own(libc, "socket(AF_NETLINK)", fd));
    const on = new Int32Array([1]);
    // Both are absent from old kernels: errors then have no text, and dumps are not filtered.
    libc.call.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, on, on.byteLength);
    libc.call.setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, on, on.byteLength);
    // struct timeval { long seconds; long microseconds; }
    const timeout = new BigInt64Array([BigInt(ANSWER_TIMEOUT_SECONDS), 0n]);
    libc.call.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.byteLength);
    return socket;
  }

  /**
   * Sends a request that asks for an acknowledgement, or for one object.
   *
   * @param what For the error: what was asked, e.g. `add address 10.0.0.1/24`.
   * @returns The object, owned by the caller; `undefined` when the kernel only acknowledged.
   * @throws {OsError} If the kernel refuses.
   */
  request(what: string, request: NetlinkRequest): NetlinkMessage | undefined {
    this.#send(what, request);
    for (;;) {
      for (const message of this.#receive(what)) {
        if (message.sequence !== this.#sequence) continue;
        if (message.type !== NLMSG_ERROR) return own(message);
        throwIfError(what, message);
        return undefined;
      }
    }
  }

  /**
   * Sends a request for everything of a kind.
   *
   * @param parse Picks what is wanted; must not keep the message.
   * @throws {OsError} If the kernel refuses.
   */
  dump<T>(what: string, request: NetlinkRequest, parse: (message: NetlinkMessage) => T | undefined): T[] {
    for (let attempt = 1;; attempt++) {
      const { found, isWhole } = this.#dumpOnce(what, request, parse);
      if (isWhole || attempt === DUMP_ATTEMPTS_MAX) return found;
    }
  }

  [Symbol.dispose](): void {
    this.#descriptor[Symbol.dispose]();
  }

  #dumpOnce<T>(
    what: string,
    request: NetlinkRequest,
    parse: (message: NetlinkMessage) => T | undefined,
  ): { found: T[]; isWhole: boolean } {
    this.#send(what, request);
    const found: T[] = [];
    let isWhole = true;
    for (;;) {
      for (const message of this.#receive(what)) {
        if (message.sequence !== this.#sequence) continue;
        if ((message.flags & NLM_F_DUMP_INTERRUPTED) !== 0) isWhole = false;
        if (message.type === NLMSG_ERROR) throwIfError(what, message);
        if (message.type === NLMSG_DONE) return { found, isWhole };
        const object = parse(message);
        if (object !== undefined) found.push(object);
      }
    }
  }

  #send(what: string, request: NetlinkRequest): void {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const bytes = request.encode(this.#sequence);
    const sent = this.#libc.call.sendto(this.#descriptor.number, bytes, bytes.length, 0, null, 0);
    if (sent < 0) throw new OsError(what, this.#libc.errno());
  }

  #receive(what: string): NetlinkMessage[] {
    const { call } = this.#libc;
    for (;;) {
      const length = call.recvfrom(this.#descriptor.number, this.#received, RECEIVE_BYTES, MSG_TRUNC, null, null);
      if (length < 0) {
        const errno = this.#libc.errno();
        if (errno === Errno.EINTR) continue;
        throw new OsError(what, errno === Errno.EAGAIN ? Errno.ETIMEDOUT : errno);
      }
      const messages = length <= RECEIVE_BYTES ? parseMessages(this.#received.subarray(0, length)) : undefined;
      if (!messages) throw new OsError(what, Errno.EMSGSIZE, "malformed answer");
      return messages;
    }
  }
}

function own(message: NetlinkMessage): NetlinkMessage {
  return { ...message, body: message.body.slice() };
}

function throwIfError(what: string, message: NetlinkMessage): void {
  const error = parseError(message);
  if (!error) throw new OsError(what, Errno.EMSGSIZE, "malformed answer");
  if (error.errno !== 0) throw new OsError(what, error.errno, error.text);
}
