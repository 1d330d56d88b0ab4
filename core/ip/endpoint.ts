/**
 * Underlay UDP endpoints in the form the packet path compares and copies without allocating.
 *
 * @module
 */
import { IpAddress } from "./address.ts";

/** Bytes of {@linkcode Endpoint.bytes}. */
export const ENDPOINT_BYTES = 24;
/** Bytes of {@linkcode Endpoint.local}. */
export const LOCAL_BYTES = 16;

const ENDPOINT_WORDS = ENDPOINT_BYTES / Int32Array.BYTES_PER_ELEMENT;
const ALL_WORDS = ENDPOINT_WORDS + LOCAL_BYTES / Int32Array.BYTES_PER_ELEMENT;

/**
 * An address and UDP port.
 *
 * Layout of `bytes`: [0] family 4 or 6 (0 = unset), [1] zero, [2..4) port big-endian, [4..20) address in network order
 * (IPv4 uses the first four, the rest is zero), [20..24) IPv6 scope id big-endian. Two endpoints are equal when the
 * bytes are. Mutable on purpose: receive paths overwrite one instance per datagram, so whoever keeps it must copy.
 *
 * `local` is the address of this host that the endpoint's latest datagram was sent to, in network order, all zero for any.
 * Answers leave from it: a host with several addresses has to answer from the one that it was asked at, or firewalls on the
 * way take the answer for a stranger's. It is no part of what makes two endpoints equal.
 */
export class Endpoint {
  readonly bytes: Uint8Array = new Uint8Array(new ArrayBuffer(ENDPOINT_BYTES + LOCAL_BYTES), 0, ENDPOINT_BYTES);
  readonly local: Uint8Array = new Uint8Array(this.bytes.buffer, ENDPOINT_BYTES);
  /** The same memory, both parts: compared for every packet. */
  readonly #words = new Int32Array(this.bytes.buffer);

  /** An endpoint without scope. Of `port` the low 16 bits count: callers check numbers from outside. */
  static of(address: IpAddress, port: number): Endpoint {
    const endpoint = new Endpoint();
    endpoint.bytes[0] = address.family;
    endpoint.bytes[2] = port >>> 8;
    endpoint.bytes[3] = port & 0xff;
    endpoint.bytes.set(address.toBytes(), 4);
    return endpoint;
  }

  /** Parses `1.2.3.4:5` or `[2001:db8::1]:5`; `undefined` if malformed or port 0. */
  static parse(text: string): Endpoint | undefined {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})$/.exec(text);
    if (!match || match[1]?.includes(":") === false) return undefined;
    const address = IpAddress.parse(match[1] ?? match[2] ?? "");
    const port = Number(match[3]);
    return address && port <= 0xffff ? Endpoint.of(address, port) : undefined;
  }

  /** 4, 6, or 0 while unset. */
  get family(): number {
    return this.bytes[0] ?? 0;
  }

  get port(): number {
    return ((this.bytes[2] ?? 0) << 8) | (this.bytes[3] ?? 0);
  }

  /** The address, `undefined` while unset. Allocates. */
  get address(): IpAddress | undefined {
    return this.family === 4
      ? IpAddress.fromBytes(this.bytes.subarray(4, 8))
      : this.family === 6
      ? IpAddress.fromBytes(this.bytes.subarray(4, 20))
      : undefined;
  }

  /** Whether both are the same address and port. Hot. */
  equals(other: Endpoint): boolean {
    for (let i = 0; i < ENDPOINT_WORDS; i++) if (this.#words[i] !== other.#words[i]) return false;
    return true;
  }

  /** Whether an own address is set. Hot. */
  get hasLocal(): boolean {
    let bits = 0;
    for (let i = ENDPOINT_WORDS; i < ALL_WORDS; i++) bits |= this.#words[i]!;
    return bits !== 0;
  }

  /** Takes the own address of `other`. Hot. */
  copyLocalFrom(other: Endpoint): void {
    for (let i = ENDPOINT_WORDS; i < ALL_WORDS; i++) this.#words[i] = other.#words[i]!;
  }

  /** Any own address will do. */
  forgetLocal(): void {
    this.local.fill(0);
  }

  /** Overwrites this endpoint with `other`, own address included. */
  copyFrom(other: Endpoint): void {
    for (let i = 0; i < ALL_WORDS; i++) this.#words[i] = other.#words[i]!;
  }

  clone(): Endpoint {
    const copy = new Endpoint();
    copy.copyFrom(this);
    return copy;
  }

  /** `1.2.3.4:5`, `[2001:db8::1]:5`, or `(none)`. */
  toString(): string {
    const address = this.address;
    if (!address) return "(none)";
    return address.family === 4 ? `${address}:${this.port}` : `[${address}]:${this.port}`;
  }
}
