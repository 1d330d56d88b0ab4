/**
 * Socket addresses of Linux (struct sockaddr_in, struct sockaddr_in6) from and to {@linkcode Endpoint}.
 *
 * @module
 */
import type { Endpoint } from "../ip/endpoint.ts";

/** Address family number of IPv4. */
export const AF_INET = 2;
/** Address family number of IPv6. */
export const AF_INET6 = 10;

/** Room for either family. */
export const SOCKET_ADDRESS_BYTES = 28;
/** sizeof(struct sockaddr_in). */
export const SOCKADDR_IN_BYTES = 16;
/** sizeof(struct sockaddr_in6). */
export const SOCKADDR_IN6_BYTES = 28;

/*
 * struct sockaddr_in  { u16 family; be16 port; be32 addr; u8 zero[8]; }
 * struct sockaddr_in6 { u16 family; be16 port; be32 flowinfo; u8 addr[16]; u32 scope_id; }
 * family and scope_id are in host order, which is little-endian here.
 */
const PORT_OFFSET = 2;
const IN_ADDRESS_OFFSET = 4;
const IN6_ADDRESS_OFFSET = 8;
const IN6_SCOPE_OFFSET = 24;

const LOOPBACK4 = [127, 0, 0, 1];

// Endpoint.bytes, see core/ip/endpoint.ts.
const ENDPOINT_PORT_OFFSET = 2;
const ENDPOINT_ADDRESS_OFFSET = 4;
const ENDPOINT_SCOPE_OFFSET = 20;

/** The address to bind to for every interface of the host. Returns its exact bytes. */
export function anyAddress(family: 4 | 6, port: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(family === 4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  bytes[0] = family === 4 ? AF_INET : AF_INET6;
  bytes[PORT_OFFSET] = port >>> 8;
  bytes[PORT_OFFSET + 1] = port & 0xff;
  return bytes;
}

/** The address to bind to for datagrams from this host alone. Returns its exact bytes. */
export function loopbackAddress(family: 4 | 6, port: number): Uint8Array<ArrayBuffer> {
  const bytes = anyAddress(family, port);
  if (family === 4) bytes.set(LOOPBACK4, IN_ADDRESS_OFFSET);
  else bytes[IN6_SCOPE_OFFSET - 1] = 1;
  return bytes;
}

/** The port of a filled-in socket address. */
export function portOf(bytes: Uint8Array): number {
  return ((bytes[PORT_OFFSET] ?? 0) << 8) | (bytes[PORT_OFFSET + 1] ?? 0);
}

/**
 * Fills `target`, at least {@linkcode SOCKET_ADDRESS_BYTES} long, from `endpoint`.
 *
 * @returns The bytes used: 16 for IPv4, 28 for IPv6.
 */
export function writeSocketAddress(endpoint: Endpoint, target: Uint8Array): number {
  const source = endpoint.bytes;
  target[1] = 0;
  target[PORT_OFFSET] = source[ENDPOINT_PORT_OFFSET]!;
  target[PORT_OFFSET + 1] = source[ENDPOINT_PORT_OFFSET + 1]!;
  if (source[0] === 4) {
    target[0] = AF_INET;
    for (let i = 0; i < 4; i++) target[IN_ADDRESS_OFFSET + i] = source[ENDPOINT_ADDRESS_OFFSET + i]!;
    for (let i = 8; i < SOCKADDR_IN_BYTES; i++) target[i] = 0;
    return SOCKADDR_IN_BYTES;
  }
  target[0] = AF_INET6;
  for (let i = 4; i < IN6_ADDRESS_OFFSET; i++) target[i] = 0;
  for (let i = 0; i < 16; i++) target[IN6_ADDRESS_OFFSET + i] = source[ENDPOINT_ADDRESS_OFFSET + i]!;
  for (let i = 0; i < 4; i++) target[IN6_SCOPE_OFFSET + i] = source[ENDPOINT_SCOPE_OFFSET + 3 - i]!;
  return SOCKADDR_IN6_BYTES;
}

/** Fills `endpoint` from a socket address that the kernel wrote into `source`. */
export function readSocketAddress(source: Uint8Array, endpoint: Endpoint): void {
  const target = endpoint.bytes;
  target[1] = 0;
  target[ENDPOINT_PORT_OFFSET] = source[PORT_OFFSET]!;
  target[ENDPOINT_PORT_OFFSET + 1] = source[PORT_OFFSET + 1]!;
  if (source[0] === AF_INET) {
    target[0] = 4;
    for (let i = 0; i < 4; i++) target[ENDPOINT_ADDRESS_OFFSET + i] = source[IN_ADDRESS_OFFSET + i]!;
    for (let i = ENDPOINT_ADDRESS_OFFSET + 4; i < target.length; i++) target[i] = 0;
    return;
  }
  target[0] = 6;
  for (let i = 0; i < 16; i++) target[ENDPOINT_ADDRESS_OFFSET + i] = source[IN6_ADDRESS_OFFSET + i]!;
  for (let i = 0; i < 4; i++) target[ENDPOINT_SCOPE_OFFSET + i] = source[IN6_SCOPE_OFFSET + 3 - i]!;
}
