/**
 * What sendmsg(2) and recvmsg(2) are told: `struct msghdr` with one piece of memory, an address and one control message
 * (cmsg(3)), all prepared once.
 *
 * ```text
 * struct msghdr  { void *name; u32 namelen; u32; struct iovec *iov; size_t iovlen; void *control; size_t controllen;
 *                  int flags; int; }
 * struct cmsghdr { size_t len; int level; int type; } and data, padded to eight bytes
 * ```
 *
 * @module
 */
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

/** CMSG_SPACE(sizeof(int)). */
const CONTROL_BYTES = 24;
/** CMSG_LEN(sizeof(u16)), CMSG_LEN(sizeof(int)). */
const SEGMENT_CONTROL_LENGTH = 18;
const GRO_CONTROL_LENGTH = 20;
const LENGTH_WORD = 0;
const LEVEL_WORD = 2;
const TYPE_WORD = 3;
const DATA_WORD = 4;

/** One message at a time. */
export class SocketMessage {
  /** For C: the `struct msghdr`. */
  readonly header: Uint32Array<ArrayBuffer> = new Uint32Array(new ArrayBuffer(HEADER_BYTES));
  /** Room for a socket address of either family. */
  readonly address: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(SOCKET_ADDRESS_BYTES));
  readonly #vector = new IoVectors(1);
  readonly #control = new Uint32Array(new ArrayBuffer(CONTROL_BYTES));

  constructor() {
    const { header } = this;
    writeAddress(header, NAME_WORD, addressOf(this.address));
    writeAddress(header, VECTORS_WORD, addressOf(bytesOf(this.#vector.words)));
    writeAddress(header, CONTROL_WORD, addressOf(bytesOf(this.#control)));
    header[VECTOR_COUNT_WORD] = 1;
  }

  /** Becomes the `length` bytes at `offset`, to an address of `addressBytes`, to be cut after `segmentBytes`. Keeps. */
  toSend(buffer: Uint8Array, offset: number, length: number, segmentBytes: number, addressBytes: number): void {
    this.#vector.set(0, buffer, offset, length);
    this.header[NAME_LENGTH_WORD] = addressBytes;
    this.header[CONTROL_LENGTH_WORD] = segmentBytes < length ? CONTROL_BYTES : 0;
    const control = this.#control;
    control[LENGTH_WORD] = SEGMENT_CONTROL_LENGTH;
    control[LEVEL_WORD] = SOL_UDP;
    control[TYPE_WORD] = UDP_SEGMENT;
    control[DATA_WORD] = segmentBytes;
  }

  /** Becomes room from `offset` to the end of the buffer. Keeps. */
  toReceive(buffer: Uint8Array, offset: number): void {
    this.#vector.set(0, buffer, offset, buffer.length - offset);
    this.header[NAME_LENGTH_WORD] = SOCKET_ADDRESS_BYTES;
    this.header[CONTROL_LENGTH_WORD] = CONTROL_BYTES;
    this.#control[LENGTH_WORD] = 0;
  }

  /** Bytes of each of the datagrams that were received together, 0 if it was one. */
  get receivedSegmentBytes(): number {
    const control = this.#control;
    const isGro = this.header[CONTROL_LENGTH_WORD]! >= GRO_CONTROL_LENGTH &&
      control[LENGTH_WORD] === GRO_CONTROL_LENGTH && control[LEVEL_WORD] === SOL_UDP && control[TYPE_WORD] === UDP_GRO;
    return isGro ? control[DATA_WORD]! : 0;
  }
}

function bytesOf(words: Uint32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
