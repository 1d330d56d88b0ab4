/**
 * Address prefixes in CIDR notation (RFC 4632, RFC 4291 §2.3).
 *
 * @module
 */
import { IpAddress, type IpFamily } from "./address.ts";

/** Bits in front of the IPv4 address in an IPv4-mapped one (RFC 4291 §2.5.5.2). */
const MAPPED_BITS = 96;

/** An immutable address prefix. Keeps the host bits it was given; {@linkcode Prefix.masked} clears them. */
export class Prefix {
  readonly address: IpAddress;
  /** Prefix length, 0..32 or 0..128. */
  readonly bits: number;

  private constructor(address: IpAddress, bits: number) {
    this.address = address;
    this.bits = bits;
  }

  /** `undefined` if `bits` does not fit the family. */
  static of(address: IpAddress, bits: number): Prefix | undefined {
    if (!Number.isInteger(bits) || bits < 0 || bits > address.bits) return undefined;
    return new Prefix(address, bits);
  }

  /** The prefix that holds exactly `address`: /32 or /128. */
  static single(address: IpAddress): Prefix {
    return new Prefix(address, address.bits);
  }

  /**
   * Parses `address/bits`; `undefined` if malformed. A bare address is not a prefix. Prefixes of IPv4-mapped addresses
   * become IPv4, as the addresses do: `::ffff:1.2.3.0/120` is `1.2.3.0/24`. Never throws.
   */
  static parse(text: string): Prefix | undefined {
    const slash = text.indexOf("/");
    if (slash < 0) return undefined;
    const bitsText = text.slice(slash + 1);
    if (!/^(0|[1-9][0-9]{0,2})$/.test(bitsText)) return undefined;
    const address = IpAddress.parse(text.slice(0, slash));
    const isMapped = address?.family === 4 && text.includes(":");
    return address && Prefix.of(address, Number(bitsText) - (isMapped ? MAPPED_BITS : 0));
  }

  get family(): IpFamily {
    return this.address.family;
  }

  /** The same prefix with the host bits cleared. */
  masked(): Prefix {
    const bytes = this.address.toBytes();
    for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) & maskByte(this.bits, i);
    return new Prefix(IpAddress.fromBytes(bytes) ?? this.address, this.bits);
  }

  contains(address: IpAddress): boolean {
    if (address.family !== this.family) return false;
    for (let i = 0; i * 8 < this.bits; i++) {
      if (((address.byteAt(i) ^ this.address.byteAt(i)) & maskByte(this.bits, i)) !== 0) return false;
    }
    return true;
  }

  overlaps(other: Prefix): boolean {
    return this.bits <= other.bits ? this.contains(other.address) : other.contains(this.address);
  }

  equals(other: Prefix): boolean {
    return this.bits === other.bits && this.address.equals(other.address);
  }

  /** `address/bits`, canonical; usable as a map key. */
  toString(): string {
    return `${this.address}/${this.bits}`;
  }
}

function maskByte(bits: number, index: number): number {
  const left = bits - index * 8;
  return left >= 8 ? 0xff : left <= 0 ? 0 : (0xff << (8 - left)) & 0xff;
}
