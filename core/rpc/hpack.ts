/**
 * Header compression of HTTP/2 (RFC 7541): a full decoder, and an encoder that never uses the dynamic table, so that it
 * has no state.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** One field. Names are lower-case; bytes beyond ASCII stand for themselves. */
export type HeaderField = readonly [name: string, value: string];

/** Of the dynamic table, SETTINGS_HEADER_TABLE_SIZE; HTTP/2's default. */
export const DYNAMIC_TABLE_BYTES_MAX = 4096;
/** What a field counts beside its name and value (§4.1). */
const FIELD_OVERHEAD_BYTES = 32;
/** Continuation bytes of an integer: more than any length here needs. */
const INTEGER_BYTES_MAX = 4;

/** Appendix A. */
const STATIC_TABLE: readonly HeaderField[] = [
  ":authority|",
  ":method|GET",
  ":method|POST",
  ":path|/",
  ":path|/index.html",
  ":scheme|http",
  ":scheme|https",
  ":status|200",
  ":status|204",
  ":status|206",
  ":status|304",
  ":status|400",
  ":status|404",
  ":status|500",
  "accept-charset|",
  "accept-encoding|gzip, deflate",
  "accept-language|",
  "accept-ranges|",
  "accept|",
  "access-control-allow-origin|",
  "age|",
  "allow|",
  "authorization|",
  "cache-control|",
  "content-disposition|",
  "content-encoding|",
  "content-language|",
  "content-length|",
  "content-location|",
  "content-range|",
  "content-type|",
  "cookie|",
  "date|",
  "etag|",
  "expect|",
  "expires|",
  "from|",
  "host|",
  "if-match|",
  "if-modified-since|",
  "if-none-match|",
  "if-range|",
  "if-unmodified-since|",
  "last-modified|",
  "link|",
  "location|",
  "max-forwards|",
  "proxy-authenticate|",
  "proxy-authorization|",
  "range|",
  "referer|",
  "refresh|",
  "retry-after|",
  "server|",
  "set-cookie|",
  "strict-transport-security|",
  "transfer-encoding|",
  "user-agent|",
  "vary|",
  "via|",
  "www-authenticate|",
].map((text): HeaderField => {
  const bar = text.indexOf("|");
  return [text.slice(0, bar), text.slice(bar + 1)];
});

/**
 * Lengths in bits of the codes of all symbols, the end mark last (Appendix B). The code is canonical: codes of one length
 * follow each other in the order of their symbols.
 */
// deno-fmt-ignore
const CODE_BITS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
  10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5,
  6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22,
  23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26,
  26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27,
  27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27,
  27, 27, 27, 27, 26, 30,
];
const END_MARK = 256;
const PADDING_BITS_MAX = 7;

assert(CODE_BITS.length === END_MARK + 1, "Every byte has a code, and so has the end mark");

/** Two children for each inner node: positive is a node, negative `~symbol`, zero nothing. */
const CODE_TREE = makeTree();

function makeTree(): Int16Array {
  const tree = new Int16Array(2 * 2 * CODE_BITS.length);
  const symbols = [...CODE_BITS.keys()].sort((a, b) => (CODE_BITS[a] ?? 0) - (CODE_BITS[b] ?? 0) || a - b);
  let nodesCount = 1;
  let code = 0;
  let bits = 0;
  for (const symbol of symbols) {
    const length = CODE_BITS[symbol] ?? 0;
    code *= 2 ** (length - bits);
    bits = length;
    let node = 0;
    for (let shift = length - 1; shift >= 0; shift--) {
      const slot = 2 * node + (Math.floor(code / 2 ** shift) & 1);
      if (shift === 0) tree[slot] = ~symbol;
      else node = tree[slot] ||= nodesCount++;
    }
    code++;
  }
  return tree;
}

/** A block that contradicts the format, or decodes to more than the limit. The connection cannot go on. */
export type HpackProblem = "malformed" | "too-large";

/** Decodes the header blocks of one connection, in order. */
export class HpackDecoder {
  readonly #listBytesMax: number;
  /** Oldest first. */
  #dynamic: HeaderField[] = [];
  #dynamicBytes = 0;
  #dynamicBytesMax = DYNAMIC_TABLE_BYTES_MAX;
  #block: Uint8Array = new Uint8Array();
  #offset = 0;

  /** @param listBytesMax What a block's fields may count together, see RFC 9113 §6.5.2. */
  constructor(listBytesMax: number) {
    this.#listBytesMax = listBytesMax;
  }

  /** The fields of one block. Borrows it. Never throws. */
  decode(block: Uint8Array): readonly HeaderField[] | HpackProblem {
    this.#block = block;
    this.#offset = 0;
    const fields: HeaderField[] = [];
    let bytes = 0;
    while (this.#offset < block.length) {
      const first = block[this.#offset] ?? 0;
      if (first >= 0x20 && first < 0x40) {
        // Only in front of the fields, and never larger than the settings allow (§4.2).
        const size = this.#integer(5);
        if (size === undefined || size > DYNAMIC_TABLE_BYTES_MAX || fields.length > 0) return "malformed";
        this.#dynamicBytesMax = size;
        this.#evict(0);
        continue;
      }
      const field = first >= 0x80 ? this.#indexed() : this.#literal(first);
      if (field === undefined) return "malformed";
      bytes += fieldBytes(field);
      if (bytes > this.#listBytesMax) return "too-large";
      fields.push(field);
    }
    return fields;
  }

  #indexed(): HeaderField | undefined {
    const index = this.#integer(7);
    return index === undefined ? undefined : this.#at(index);
  }

  #literal(first: number): HeaderField | undefined {
    const isKept = first >= 0x40;
    const index = this.#integer(isKept ? 6 : 4);
    if (index === undefined) return undefined;
    const name = index === 0 ? this.#string() : this.#at(index)?.[0];
    const value = name === undefined ? undefined : this.#string();
    if (name === undefined || value === undefined) return undefined;
    const field: HeaderField = [name, value];
    if (isKept) this.#keep(field);
    return field;
  }

  #at(index: number): HeaderField | undefined {
    return index <= STATIC_TABLE.length
      ? STATIC_TABLE[index - 1]
      : this.#dynamic[this.#dynamic.length - (index - STATIC_TABLE.length)];
  }

  #keep(field: HeaderField): void {
    const bytes = fieldBytes(field);
    this.#evict(bytes);
    if (bytes > this.#dynamicBytesMax) return;
    this.#dynamic.push(field);
    this.#dynamicBytes += bytes;
  }

  #evict(roomBytes: number): void {
    let count = 0;
    while (count < this.#dynamic.length && this.#dynamicBytes + roomBytes > this.#dynamicBytesMax) {
      const field = this.#dynamic[count++];
      if (field) this.#dynamicBytes -= fieldBytes(field);
    }
    if (count > 0) this.#dynamic.splice(0, count);
  }

  #integer(prefixBits: number): number | undefined {
    const prefixMax = 2 ** prefixBits - 1;
    let value = (this.#block[this.#offset++] ?? 0) & prefixMax;
    if (value < prefixMax) return value;
    for (let i = 0; i < INTEGER_BYTES_MAX; i++) {
      const byte = this.#block[this.#offset++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    return undefined;
  }

  #string(): string | undefined {
    const first = this.#block[this.#offset];
    if (first === undefined) return undefined;
    const length = this.#integer(7);
    if (length === undefined || this.#offset + length > this.#block.length) return undefined;
    const start = this.#offset;
    this.#offset += length;
    return first >= 0x80 ? uncoded(this.#block, start, this.#offset) : textOf(this.#block, start, this.#offset);
  }
}

function fieldBytes([name, value]: HeaderField): number {
  return name.length + value.length + FIELD_OVERHEAD_BYTES;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}

/** Huffman-coded text (§5.2). Padding is the beginning of the end mark, all ones, shorter than a byte. */
function uncoded(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let node = 0;
  let depth = 0;
  let isPadding = true;
  for (let i = start; i < end; i++) {
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (bytes[i] ?? 0) >> shift & 1;
      const next = CODE_TREE[2 * node + bit] ?? 0;
      depth++;
      isPadding &&= bit === 1;
      if (next > 0) {
        node = next;
        continue;
      }
      const symbol = ~next;
      if (next === 0 || symbol === END_MARK) return undefined;
      text += String.fromCharCode(symbol);
      node = 0;
      depth = 0;
      isPadding = true;
    }
  }
  return depth > PADDING_BITS_MAX || !isPadding ? undefined : text;
}

/**
 * A block of fields, each literal and never indexed by the receiver's table (§6.2.2). Names and values are ASCII.
 *
 * It begins by emptying the dynamic table that is never used, which is right whatever size the receiver wants it to have.
 */
export function encodeFields(fields: Iterable<HeaderField>): Uint8Array {
  const bytes: number[] = [EMPTY_TABLE];
  for (const [name, value] of fields) {
    const index = name === ":status" && value === "200" ? STATUS_200 : undefined;
    if (index !== undefined) {
      bytes.push(index);
      continue;
    }
    bytes.push(0);
    pushText(bytes, name);
    pushText(bytes, value);
  }
  return Uint8Array.from(bytes);
}

/** §6.3 with size 0. */
const EMPTY_TABLE = 0x20;
/** §6.1 with index 8. */
const STATUS_200 = 0x88;

function pushText(bytes: number[], text: string): void {
  const prefixMax = 0x7f;
  if (text.length < prefixMax) bytes.push(text.length);
  else {
    bytes.push(prefixMax);
    let rest = text.length - prefixMax;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push(rest % 0x80 | 0x80);
    bytes.push(rest);
  }
  for (let i = 0; i < text.length; i++) bytes.push(text.charCodeAt(i) & 0xff);
}
