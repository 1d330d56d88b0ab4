/**
 * From numbers in the replicated tables to addresses and back (RFC 4193 for the ULA /48; design §7).
 *
 * A mesh has one IPv4 network and one ULA /48. A node holds one /64 of the /48, numbered 1 to 65535 (subnet 0 is not
 * used), and is `::1` in it: the all-zero interface id is the subnet-router anycast address (RFC 4291 §2.6.1). Of the
 * IPv4 network the first and last address are never given, except in a /31, where both are (RFC 3021), and a /32, whose
 * one address is.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { IpAddress } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";

/** The first /64 number that a node gets. */
export const SUBNET_MIN = 1;

/** The last /64 number that a node gets. */
export const SUBNET_MAX = 0xffff;

/** A network wider than this is a mistake: it would take a good part of the internet away from the node. */
const IPV4_NETWORK_BITS_MIN = 8;
const ULA_BITS = 48;
const NODE_NETWORK_BITS = 64;

/** Numbers to give out, both ends included. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** Why `network` cannot be a mesh's IPv4 network; `undefined` if it can. Host bits do not matter. */
export function validateIpv4Network(network: Prefix): string | undefined {
  if (network.family !== 4) return "Mesh IPv4 network is not an IPv4 network";
  if (network.bits < IPV4_NETWORK_BITS_MIN) return `Mesh IPv4 network is wider than /${IPV4_NETWORK_BITS_MIN}`;
  if (network.address.isHostLocal()) return "Mesh IPv4 network has addresses that never leave a host";
  return undefined;
}

/** Why `network` cannot be a mesh's IPv6 network; `undefined` if it can. Host bits do not matter. */
export function validateUlaNetwork(network: Prefix): string | undefined {
  const isUla = network.family === 6 && network.bits === ULA_BITS && network.address.byteAt(0) === 0xfd;
  return isUla ? undefined : `Mesh IPv6 network is not a /${ULA_BITS} in fd00::/8`;
}

/** The addresses of `network` that nodes may get, as host-order integers. */
export function ipv4Range(network: Prefix): NumberRange {
  assert(network.family === 4, "IPv4 addresses are given from an IPv4 network");
  const base = ipv4Number(network.masked().address);
  const count = 2 ** (32 - network.bits);
  return count <= 2 ? { first: base, last: base + count - 1 } : { first: base + 1, last: base + count - 2 };
}

/** The address as a host-order integer. */
export function ipv4Number(address: IpAddress): number {
  assert(address.family === 4, "Only an IPv4 address is a 32-bit number");
  return address.byteAt(0) * 2 ** 24 + address.byteAt(1) * 2 ** 16 + address.byteAt(2) * 2 ** 8 + address.byteAt(3);
}

/** The address that {@linkcode ipv4Number} numbered. */
export function ipv4Address(number: number): IpAddress {
  return addressOf(new Uint8Array([number / 2 ** 24, number / 2 ** 16, number / 2 ** 8, number]));
}

/** The /64 with number `subnet` of the mesh's /48. */
export function nodeNetwork(ula: Prefix, subnet: number): Prefix {
  return prefixOf(addressOf(networkBytes(ula, subnet)), NODE_NETWORK_BITS);
}

/** The node's own address in its /64. */
export function nodeIpv6(ula: Prefix, subnet: number): IpAddress {
  const bytes = networkBytes(ula, subnet);
  bytes[15] = 1;
  return addressOf(bytes);
}

function networkBytes(ula: Prefix, subnet: number): Uint8Array {
  assert(validateUlaNetwork(ula) === undefined, "Nodes' networks lie in a ULA /48");
  assert(subnet >= SUBNET_MIN && subnet <= SUBNET_MAX, "Subnet numbers have 16 bits and are not 0");
  const bytes = ula.masked().address.toBytes();
  bytes[6] = subnet >>> 8;
  bytes[7] = subnet & 0xff;
  return bytes;
}

function addressOf(bytes: Uint8Array): IpAddress {
  const address = IpAddress.fromBytes(bytes);
  assert(address !== undefined, "4 or 16 bytes are an address");
  return address;
}

function prefixOf(address: IpAddress, bits: number): Prefix {
  const prefix = Prefix.of(address, bits);
  assert(prefix !== undefined, "Prefix lengths fit the family");
  return prefix;
}
