/**
 * Netlink messages and attributes as bytes (netlink(7); Linux Documentation/userspace-api/netlink/intro.rst).
 *
 * Numbers are in host order, which is little-endian on every machine Weft runs on. Pure: the socket is in
 * `netlink_socket.ts`, what the messages mean is in the `rtnetlink_*.ts` files.
 *
 * @module
 */
import { assert } from "../assert.ts";

// struct nlmsghdr { u32 len; u16 type; u16 flags; u32 seq; u32 pid; }
const HEADER_BYTES = 16;
const TYPE_OFFSET = 4;
const FLAGS_OFFSET = 6;
const SEQUENCE_OFFSET = 8;
// struct nlattr { u16 len; u16 type; }
const ATTRIBUTE_HEADER_BYTES = 4;
/** The top two bits of an attribute's type say how to read it, not what it is. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;
const NLA_F_NESTED = 0x8000;

/** Room for any request made here. */
const REQUEST_BYTES_MAX = 512;

/** Answers that every netlink family shares. */
export const NLMSG_ERROR = 2;
/** Ends a dump. */
export const NLMSG_DONE = 3;

/** Header flags. */
export const NLM_F_REQUEST = 0x001;
/** Ask for an answer of type {@linkcode NLMSG_ERROR} also when all is well. */
export const NLM_F_ACK = 0x004;
/** Ask for everything of a kind. */
export const NLM_F_DUMP = 0x300;
/** The state changed while it was dumped. */
export const NLM_F_DUMP_INTERRUPTED = 0x010;
/** Fail if it exists. */
export const NLM_F_EXCLUSIVE = 0x200;
/** Make it if it does not exist. */
export const NLM_F_CREATE = 0x400;
/** An error answer repeats only the header of the request. */
const NLM_F_CAPPED = 0x100;
/** An error answer has attributes. */
const NLM_F_ACK_TLVS = 0x200;

// struct nlmsgerr { s32 error; struct nlmsghdr msg; } then the request's body unless capped, then attributes.
const ERROR_BYTES = 4;
const NLMSGERR_ATTR_MSG = 1;

/** One received message; `body` is what follows the header, a view of the received bytes. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** The content of an {@linkcode NLMSG_ERROR} message. */
export interface NetlinkError {
  /** Positive error number, 0 for "done". */
  readonly errno: number;
  /** What the kernel has to say about it, if anything. */
  readonly text: string | undefined;
}

/** Attribute values by type, views of the received bytes. The last one of a type wins. */
export type NetlinkAttributes = ReadonlyMap<number, Uint8Array>;

/** Builds one request. */
export class NetlinkRequest {
  readonly #bytes = new Uint8Array(REQUEST_BYTES_MAX);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = HEADER_BYTES;

  /** @param header The family's fixed header that follows the netlink header. Copied. */
  constructor(type: number, flags: number, header: Uint8Array) {
    this.#view.setUint16(TYPE_OFFSET, type, true);
    this.#view.setUint16(FLAGS_OFFSET, flags | NLM_F_REQUEST, true);
    this.#append(header);
  }

  /** Adds an attribute. Copies `value`. */
  attribute(type: number, value: Uint8Array): this {
    this.#attributeHeader(type, value.length);
    this.#append(value);
    return this;
  }

  /** Adds an attribute of one byte. */
  u8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value));
  }

  /** Adds an attribute of four bytes in host order. */
  u32(type: number, value: number): this {
    return this.attribute(type, new Uint8Array(new Uint32Array([value]).buffer));
  }

  /** Adds an attribute that holds the attributes which `fill` adds. */
  nested(type: number, fill: () => void): this {
    const start = this.#length;
    this.#attributeHeader(type | NLA_F_NESTED, 0);
    fill();
    this.#view.setUint16(start, this.#length - start, true);
    return this;
  }

  /** The finished message; the bytes stay owned by this object. */
  encode(sequence: number): Uint8Array<ArrayBuffer> {
    this.#view.setUint32(0, this.#length, true);
    this.#view.setUint32(SEQUENCE_OFFSET, sequence, true);
    return this.#bytes.subarray(0, this.#length);
  }

  #attributeHeader(type: number, valueBytes: number): void {
    this.#view.setUint16(this.#length, ATTRIBUTE_HEADER_BYTES + valueBytes, true);
    this.#view.setUint16(this.#length + 2, type, true);
    this.#length += ATTRIBUTE_HEADER_BYTES;
  }

  #append(bytes: Uint8Array): void {
    assert(align(this.#length + bytes.length) <= REQUEST_BYTES_MAX, "a request's attributes are few and small");
    this.#bytes.set(bytes, this.#length);
    this.#length = align(this.#length + bytes.length);
  }
}

/** Splits one received datagram. `undefined` if a length in it does not fit. */
export function parseMessages(datagram: Uint8Array): NetlinkMessage[] | undefined {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < datagram.length;) {
    if (datagram.length - at < HEADER_BYTES) return undefined;
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || length > datagram.length - at) return undefined;
    messages.push({
      type: view.getUint16(at + TYPE_OFFSET, true),
      flags: view.getUint16(at + FLAGS_OFFSET, true),
      sequence: view.getUint32(at + SEQUENCE_OFFSET, true),
      body: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** The attributes of `body` behind a fixed header of `headerBytes`. `undefined` if a length in it does not fit. */
export function parseAttributes(body: Uint8Array, headerBytes: number): NetlinkAttributes | undefined {
  if (body.length < headerBytes) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const attributes = new Map<number, Uint8Array>();
  for (let at = align(headerBytes); at < body.length;) {
    if (body.length - at < ATTRIBUTE_HEADER_BYTES) return undefined;
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || length > body.length - at) return undefined;
    const type = view.getUint16(at + 2, true) & ATTRIBUTE_TYPE_MASK;
    attributes.set(type, body.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += align(length);
  }
  return attributes;
}

/** Reads an {@linkcode NLMSG_ERROR} message. `undefined` if it is too short. */
export function parseError(message: NetlinkMessage): NetlinkError | undefined {
  const { body, flags } = message;
  if (body.length < ERROR_BYTES + HEADER_BYTES) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const errno = 0 - view.getInt32(0, true);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, text: undefined };
  const requestBytes = (flags & NLM_F_CAPPED) === 0 ? view.getUint32(ERROR_BYTES, true) : HEADER_BYTES;
  const text = parseAttributes(body, ERROR_BYTES + align(requestBytes))?.get(NLMSGERR_ATTR_MSG);
  return { errno, text: text && readString(text) };
}

/** Text up to the NUL that ends it, or to the end. */
export function readString(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

/** A number in host order, `undefined` if `value` is not four bytes. */
export function readU32(value: Uint8Array | undefined): number | undefined {
  if (value?.length !== 4) return undefined;
  return new DataView(value.buffer, value.byteOffset, 4).getUint32(0, true);
}

/** Messages and attributes start at multiples of four. */
function align(length: number): number {
  return (length + 3) & ~3;
}
