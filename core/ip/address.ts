/**
 * IPv4 and IPv6 addresses as values (RFC 791, RFC 4291; text form RFC 5952).
 *
 * Parsing is strict: four decimal parts for IPv4, no zone identifiers, IPv4-mapped IPv6 addresses become IPv4, so
 * that one host has exactly one form before any list is checked.
 *
 * @module
 */
import ipaddr from "ipaddr.js";

const IPV6_BYTES = 16;

/** Address family by IP version. */
export type IpFamily = 4 | 6;

/** An immutable address of 4 or 16 bytes in network order. */
export class IpAddress {
  readonly #bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Copies 4 or 16 bytes in network order; `undefined` for any other length. Keeps IPv4-mapped forms as IPv4. */
  static fromBytes(bytes: Uint8Array): IpAddress | undefined {
    if (bytes.length === 4) return new IpAddress(bytes.slice());
    if (bytes.length !== 16) return undefined;
    return new IpAddress(isMapped(bytes) ? bytes.slice(12) : bytes.slice());
  }

  /** Parses the text form; `undefined` if `text` is not exactly one address. Never throws. */
  static parse(text: string): IpAddress | undefined {
    if (text.length > 45) return undefined;
    const plain = text.includes(":") ? plainIpv6(text) : undefined;
    if (plain) return IpAddress.fromBytes(plain);
    if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
      return IpAddress.fromBytes(new Uint8Array(ipaddr.parse(text).toByteArray()));
    }
    const hextets = withoutDottedTail(text);
    if (hextets === undefined || text.includes("%") || !ipaddr.IPv6.isValid(hextets)) return undefined;
    return IpAddress.fromBytes(new Uint8Array(ipaddr.parse(hextets).toByteArray()));
  }

  get family(): IpFamily {
    return this.#bytes.length === 4 ? 4 : 6;
  }

  /** Address width: 32 or 128. */
  get bits(): number {
    return this.#bytes.length * 8;
  }

  /** A copy of the address, 4 or 16 bytes in network order. */
  toBytes(): Uint8Array {
    return this.#bytes.slice();
  }

  /** Byte `index`, 0 for one past the end: lets hot lookups read without a copy. */
  byteAt(index: number): number {
    return this.#bytes[index] ?? 0;
  }

  equals(other: IpAddress): boolean {
    return this.#bytes.length === other.#bytes.length &&
      this.#bytes.every((byte, index) => byte === other.#bytes[index]);
  }

  /** True for 127/8, ::1, 0.0.0.0, ::, link-local and multicast addresses: none of them reaches another host. */
  isHostLocal(): boolean {
    const range = ipaddr.fromByteArray([...this.#bytes]).range();
    return range === "loopback" || range === "unspecified" || range === "linkLocal" || range === "multicast" ||
      range === "broadcast";
  }

  /** True for RFC 1918, RFC 6598 and unique local addresses (RFC 4193). */
  isPrivate(): boolean {
    const range = ipaddr.fromByteArray([...this.#bytes]).range();
    return range === "private" || range === "uniqueLocal" || range === "carrierGradeNat";
  }

  /** Canonical text, RFC 5952 for IPv6. Usable as a map key. */
  toString(): string {
    const address = ipaddr.fromByteArray([...this.#bytes]);
    return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
  }
}

/**
 * The bytes of an address that is written in hexadecimal groups alone, with or without `::`, which is how all of them are
 * stored and announced: many times as fast as the parser that takes every form. `undefined` for everything else, which
 * that parser judges.
 */
function plainIpv6(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(IPV6_BYTES);
  let filledBytes = 0;
  /** Where the zeros of `::` go, in bytes. */
  let gapAt = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gapAt = 0;
    at = 2;
  }
  while (at < text.length) {
    const start = at;
    let group = 0;
    for (; at < text.length; at++) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      group = group << 4 | digit;
    }
    const digits = at - start;
    if (digits === 0 || digits > 4 || filledBytes === IPV6_BYTES) return undefined;
    bytes[filledBytes++] = group >> 8;
    bytes[filledBytes++] = group & 0xff;
    if (at === text.length) break;
    if (text[at++] !== ":" || at === text.length) return undefined;
    if (text[at] !== ":") continue;
    if (gapAt !== -1) return undefined;
    gapAt = filledBytes;
    at++;
  }
  if (gapAt === -1) return filledBytes === IPV6_BYTES ? bytes : undefined;
  if (filledBytes > IPV6_BYTES - 2) return undefined;
  const movedBytes = filledBytes - gapAt;
  bytes.copyWithin(IPV6_BYTES - movedBytes, gapAt, filledBytes);
  bytes.fill(0, gapAt, IPV6_BYTES - movedBytes);
  return bytes;
}

/** The value of a hexadecimal digit by its UTF-16 unit; -1 for what is none. */
function hexDigit(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  const lower = unit | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/**
 * Rewrites the last 32 bits from `1.2.3.4` to `102:304` (RFC 4291 §2.2, form 3); `undefined` without a colon or with a
 * tail that is not strict. The parser behind would take octal and hexadecimal parts, and `::1.2.3.4` for IPv4.
 */
function withoutDottedTail(text: string): string | undefined {
  const tailStart = text.lastIndexOf(":") + 1;
  if (tailStart === 0) return undefined;
  const tail = text.slice(tailStart);
  if (!tail.includes(".")) return text;
  if (!ipaddr.IPv4.isValidFourPartDecimal(tail)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).octets;
  return `${text.slice(0, tailStart)}${(a << 8 | b).toString(16)}:${(c << 8 | d).toString(16)}`;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}
