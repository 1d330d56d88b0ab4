/**
 * What sendmsg(2) and recvmsg(2) are told: `struct msghdr` with one piece of memory, an address and up to two control
 * messages (cmsg(3)), all prepared once: how datagrams are cut and joined (udp(7)), and this host's own address (ip(7),
 * ipv6(7)).
 *
 * ```text
 * struct msghdr  { void *name; u32 namelen; u32; struct iovec *iov; size_t iovlen; void *control; size_t controllen;
 *                  int flags; int; }
 * struct cmsghdr { size_t len; int level; int type; } and data, padded to eight bytes
 * struct in_pktinfo  { int ifindex; struct in_addr spec_dst; struct in_addr addr; }
 * struct in6_pktinfo { struct in6_addr addr; int ifindex; }
 * ```
 *
 * @module
 */
import { LOCAL_BYTES } from "../ip/endpoint.ts";
import { addressOf, IoVectors, writeAddress } from "./io_vectors.ts";
import { SOCKET_ADDRESS_BYTES } from "./socket_address.ts";

/** Option level and type of control messages of UDP (linux/udp.h). */
export const SOL_UDP = 17;
/** Cuts what is sent into datagrams of this many bytes. Linux 4.18 and later. */
export const UDP_SEGMENT = 103;
/** Takes datagrams of one size together. Linux 5.0 and later. */
export const UDP_GRO = 104;

/** `MSG_CTRUNC` and the like are not looked at, `MSG_TRUNC` says that a datagram was longer than its room. */
const HEADER_BYTES = 56;
const NAME_WORD = 0;
const NAME_LENGTH_WORD = 2;
const VECTORS_WORD = 4;
const VECTOR_COUNT_WORD = 6;
const CONTROL_WORD = 8;
const CONTROL_LENGTH_WORD = 10;

/** Levels and types of an own address. */
export const IPPROTO_IP = 0;
/** See {@linkcode IPPROTO_IP}. */
export const IP_PKTINFO = 8;
/** See {@linkcode IPPROTO_IP}. */
export const IPPROTO_IPV6 = 41;
/** See {@linkcode IPPROTO_IP}. */
export const IPV6_PKTINFO = 50;

/** CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo)). */
const CONTROL_BYTES = 64;
/** CMSG_LEN(sizeof(u16)), CMSG_LEN(sizeof(int)), CMSG_LEN of both own addresses. */
const SEGMENT_LENGTH = 18;
const GRO_LENGTH = 20;
const PKTINFO_LENGTH = 28;
const PKTINFO6_LENGTH = 36;
const LEVEL_OFFSET = 8;
const TYPE_OFFSET = 12;
const DATA_OFFSET = 16;
/** Of `spec_dst`, which is the address to answer from, in the data. */
const SPEC_DST_OFFSET = 4;
const IPV4_BYTES = 4;

/** One message at a time. */
export class SocketMessage {
  /** For C: the `struct msghdr`. */
  readonly header: Uint32Array<ArrayBuffer> = new Uint32Array(new ArrayBuffer(HEADER_BYTES));
  /** Room for a socket address of either family. */
  readonly address: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(SOCKET_ADDRESS_BYTES));
  readonly #vector = new IoVectors(1);
  readonly #control = new Uint8Array(new ArrayBuffer(CONTROL_BYTES));
  readonly #words = new Uint32Array(this.#control.buffer);

  constructor() {
    const { header } = this;
    writeAddress(header, NAME_WORD, addressOf(this.address));
    writeAddress(header, VECTORS_WORD, addressOf(bytesOf(this.#vector.words)));
    writeAddress(header, CONTROL_WORD, addressOf(this.#control));
    header[VECTOR_COUNT_WORD] = 1;
  }

  /** Becomes the `length` bytes at `offset`, to an address of `addressBytes`, to be cut after `segmentBytes`. Keeps. */
  toSend(buffer: Uint8Array, offset: number, length: number, segmentBytes: number, addressBytes: number): void {
    this.#vector.set(0, buffer, offset, length);
    this.header[NAME_LENGTH_WORD] = addressBytes;
    this.header[CONTROL_LENGTH_WORD] = 0;
    if (segmentBytes >= length) return;
    const at = this.#append(SEGMENT_LENGTH, SOL_UDP, UDP_SEGMENT);
    this.#words[at >> 2] = segmentBytes;
  }

  /** Is to leave from `local`, as in `Endpoint.local`. Call it after {@linkcode toSend}. */
  leaveFrom(local: Uint8Array, family: 4 | 6): void {
    const isIpv4 = family === 4;
    const at = isIpv4
      ? this.#append(PKTINFO_LENGTH, IPPROTO_IP, IP_PKTINFO) + SPEC_DST_OFFSET
      : this.#append(PKTINFO6_LENGTH, IPPROTO_IPV6, IPV6_PKTINFO);
    const bytes = isIpv4 ? IPV4_BYTES : LOCAL_BYTES;
    for (let i = 0; i < bytes; i++) this.#control[at + i] = local[i]!;
  }

  /** Becomes room from `offset` to the end of the buffer. Keeps. */
  toReceive(buffer: Uint8Array, offset: number): void {
    this.#vector.set(0, buffer, offset, buffer.length - offset);
    this.header[NAME_LENGTH_WORD] = SOCKET_ADDRESS_BYTES;
    this.header[CONTROL_LENGTH_WORD] = CONTROL_BYTES;
  }

  /**
   * Fills `local` with the own address that was sent to, zeros if the kernel did not say.
   *
   * @returns Bytes of each of the datagrams that were received together, 0 if it was one.
   */
  takeControl(local: Uint8Array): number {
    for (let i = 0; i < LOCAL_BYTES; i++) local[i] = 0;
    const end = Math.min(this.header[CONTROL_LENGTH_WORD]!, CONTROL_BYTES);
    let segmentBytes = 0;
    for (let at = 0; at + DATA_OFFSET <= end;) {
      const length = this.#words[at >> 2]!;
      if (length < DATA_OFFSET || at + length > end) break;
      const level = this.#words[at + LEVEL_OFFSET >> 2];
      const type = this.#words[at + TYPE_OFFSET >> 2];
      const data = at + DATA_OFFSET;
      if (level === SOL_UDP && type === UDP_GRO && length === GRO_LENGTH) {
        segmentBytes = this.#words[data >> 2]!;
      } else if (level === IPPROTO_IP && type === IP_PKTINFO && length === PKTINFO_LENGTH) {
        for (let i = 0; i < IPV4_BYTES; i++) local[i] = this.#control[data + SPEC_DST_OFFSET + i]!;
      } else if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO && length === PKTINFO6_LENGTH) {
        for (let i = 0; i < LOCAL_BYTES; i++) local[i] = this.#control[data + i]!;
      }
      at += length + 7 & ~7;
    }
    return segmentBytes;
  }

  /** Adds a control message with data of zeros; returns where those are. */
  #append(length: number, level: number, type: number): number {
    const at = this.header[CONTROL_LENGTH_WORD]!;
    const end = at + (length + 7 & ~7);
    for (let word = at >> 2; word < end >> 2; word++) this.#words[word] = 0;
    this.#words[at >> 2] = length;
    this.#words[at + LEVEL_OFFSET >> 2] = level;
    this.#words[at + TYPE_OFFSET >> 2] = type;
    this.header[CONTROL_LENGTH_WORD] = end;
    return at + DATA_OFFSET;
  }
}

function bytesOf(words: Uint32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
