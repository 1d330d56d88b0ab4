/**
 * How large a datagram the kernel would send whole to an endpoint (ip(7) IP_MTU, ipv6(7) IPV6_MTU): the MTU of the route
 * or its interface, or what the kernel has learned from routers on the way.
 *
 * @module
 */
import type { Endpoint } from "../ip/endpoint.ts";
import type { Libc } from "./libc_ffi.ts";
import { AF_INET, AF_INET6, SOCKET_ADDRESS_BYTES, writeSocketAddress } from "./socket_address.ts";

const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_IP = 0;
const IP_MTU = 14;
const IPPROTO_IPV6 = 41;
const IPV6_MTU = 24;

/** Asks the kernel. Nothing is sent; needs no privilege. */
export class RouteMtu {
  readonly #libc: Libc;
  readonly #address = new Uint8Array(SOCKET_ADDRESS_BYTES);
  readonly #value = new Int32Array(1);
  readonly #valueBytes = new Uint32Array(1);

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Bytes with IP header; 0 if there is no route to `endpoint`. Some microseconds. */
  to(endpoint: Endpoint): number {
    const { call } = this.#libc;
    const isIpv4 = endpoint.family === 4;
    // A socket of its own, because only a connected one knows, and a connected one hears nobody else.
    const fd = call.socket(isIpv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return 0;
    const mtu = this.#ask(fd, endpoint, isIpv4);
    call.close(fd);
    return mtu;
  }

  #ask(fd: number, endpoint: Endpoint, isIpv4: boolean): number {
    const { call } = this.#libc;
    if (call.connect(fd, this.#address, writeSocketAddress(endpoint, this.#address)) < 0) return 0;
    this.#valueBytes[0] = this.#value.byteLength;
    const [level, option] = isIpv4 ? [IPPROTO_IP, IP_MTU] : [IPPROTO_IPV6, IPV6_MTU];
    const result = call.getsockopt(fd, level, option, this.#value, this.#valueBytes);
    return result < 0 ? 0 : Math.max(this.#value[0] ?? 0, 0);
  }
}
