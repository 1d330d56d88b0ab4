/**
 * The host's interfaces, addresses and routes through rtnetlink (rtnetlink(7)); no external program is run.
 *
 * @module
 */
import type { IpAddress } from "../ip/address.ts";
import type { Prefix } from "../ip/prefix.ts";
import { MeshError } from "../plugin/errors.ts";
import { Errno, OsError } from "./errno.ts";
import type { Libc } from "./libc_ffi.ts";
import { NetlinkSocket } from "./netlink_socket.ts";
import type { NetlinkRequest } from "./netlink_message.ts";
import {
  addAddressRequest,
  addressesRequest,
  type InterfaceAddress,
  parseAddress,
  removeAddressRequest,
} from "./rtnetlink_address.ts";
import {
  type Link,
  linkByIndexRequest,
  linkByNameRequest,
  linkMtuRequest,
  linksRequest,
  linkUpRequest,
  noLinkLocalRequest,
  parseLink,
} from "./rtnetlink_link.ts";
import {
  addRouteRequest,
  parseRoute,
  removeRouteRequest,
  type Route,
  ROUTE_PROTOCOL,
  routeLookupRequest,
  routesRequest,
} from "./rtnetlink_route.ts";

/**
 * Metric of Weft's routes. Higher than what DHCP clients and network managers give (0 to 1024, mobile links 700 and
 * more): where the host has a route to the very same prefix, the host's wins, so that joining a mesh that uses the
 * prefix of the local network does not cut the host off from it.
 */
export const ROUTE_METRIC = 3000;

/** An address of the host, with the interface it is on. */
export interface HostAddress extends InterfaceAddress {
  readonly interfaceName: string;
  readonly isInterfaceUp: boolean;
  readonly isLoopback: boolean;
}

/** Reads and changes the host's network. Reading needs no privilege, changing needs CAP_NET_ADMIN. */
export class HostNetwork implements Disposable {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** @throws {OsError} If a sandbox forbids netlink. */
  static open(libc: Libc): HostNetwork {
    return new HostNetwork(NetlinkSocket.open(libc));
  }

  /** The interface `name`, `undefined` if there is none. */
  link(name: string): Link | undefined {
    try {
      const message = this.#socket.request(`find interface ${name}`, linkByNameRequest(name));
      return message && parseLink(message);
    } catch (error) {
      if (error instanceof OsError && error.errno === Errno.ENODEV) return undefined;
      throw error;
    }
  }

  /** Every address of every interface. */
  hostAddresses(): HostAddress[] {
    const links = new Map(this.#socket.dump("list interfaces", linksRequest(), parseLink).map((l) => [l.index, l]));
    return this.#socket.dump("list addresses", addressesRequest(), parseAddress).flatMap((address) => {
      const link = links.get(address.interfaceIndex);
      if (!link) return [];
      return [{ ...address, interfaceName: link.name, isInterfaceUp: link.isUp, isLoopback: link.isLoopback }];
    });
  }

  /** The address that packets to `destination` would leave with now, `undefined` without a route. */
  sourceAddressFor(destination: IpAddress): IpAddress | undefined {
    return this.#routeTo(destination)?.source;
  }

  /**
   * How long a packet to `destination` may be now, in bytes, as far as the kernel knows; `undefined` without a route.
   *
   * @param exceptInterface Number of an interface; a route through it is none.
   */
  mtuTo(destination: IpAddress, exceptInterface = 0): number | undefined {
    const route = this.#routeTo(destination);
    if (route?.interfaceIndex === undefined || route.interfaceIndex === exceptInterface) return undefined;
    return route.mtu ?? this.#linkOf(route.interfaceIndex)?.mtu;
  }

  /** Sets the MTU, brings the interface up, and keeps it free of addresses that nobody asked for. */
  bringUp(index: number, mtu: number): void {
    this.withoutLinkLocal(index);
    this.#change(`bring up interface ${index} with MTU ${mtu}`, linkUpRequest(index, mtu));
  }

  /** Keeps the kernel from giving the interface a link-local address when it comes up. */
  withoutLinkLocal(index: number): void {
    this.#tolerate(
      [Errno.EAFNOSUPPORT, Errno.EOPNOTSUPP, Errno.EINVAL],
      `disable IPv6 link-local address on interface ${index}`,
      noLinkLocalRequest(index),
    );
  }

  /** Sets the MTU of an interface that is up. */
  setMtu(index: number, mtu: number): void {
    this.#change(`set MTU ${mtu} of interface ${index}`, linkMtuRequest(index, mtu));
  }

  /** The addresses that are on the interface, except link-local ones. */
  addressesOf(index: number): Prefix[] {
    return this.#socket.dump("list addresses", addressesRequest(), parseAddress)
      .filter((address) => address.interfaceIndex === index && address.isGlobal)
      .map((address) => address.prefix);
  }

  /** Adds an address and, if its prefix is longer than itself, the route to that. Does nothing if it is there. */
  addAddress(index: number, prefix: Prefix): void {
    this.#tolerate([Errno.EEXIST], `add address ${prefix}`, addAddressRequest(index, prefix, ROUTE_METRIC));
  }

  /** Removes an address. Does nothing if it is not there. */
  removeAddress(index: number, prefix: Prefix): void {
    this.#tolerate([Errno.EADDRNOTAVAIL], `remove address ${prefix}`, removeAddressRequest(index, prefix));
  }

  /** The routes that Weft put on the interface. */
  routesOf(index: number): Prefix[] {
    return ([4, 6] as const)
      .flatMap((family) => this.#socket.dump("list routes", routesRequest(family, index), parseRoute))
      .filter((route) => route.interfaceIndex === index && route.isMainTable && route.protocol === ROUTE_PROTOCOL)
      .map((route) => route.destination);
  }

  /** Adds a route through the interface. Does nothing if it is there. */
  addRoute(index: number, destination: Prefix): void {
    this.#tolerate([Errno.EEXIST], `add route ${destination}`, addRouteRequest(index, destination, ROUTE_METRIC));
  }

  /** Removes a route that Weft added. Does nothing if it is not there. */
  removeRoute(index: number, destination: Prefix): void {
    this.#tolerate([Errno.ESRCH], `remove route ${destination}`, removeRouteRequest(index, destination, ROUTE_METRIC));
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #routeTo(destination: IpAddress): Route | undefined {
    try {
      const message = this.#socket.request(`find route to ${destination}`, routeLookupRequest(destination));
      return message && parseRoute(message);
    } catch (error) {
      // ENETUNREACH, EHOSTUNREACH, or the errno of a blackhole or prohibit route.
      if (error instanceof OsError) return undefined;
      throw error;
    }
  }

  #linkOf(index: number): Link | undefined {
    try {
      const message = this.#socket.request(`find interface ${index}`, linkByIndexRequest(index));
      return message && parseLink(message);
    } catch (error) {
      // It has gone meanwhile.
      if (error instanceof OsError) return undefined;
      throw error;
    }
  }

  #tolerate(errnos: readonly number[], what: string, request: NetlinkRequest): void {
    try {
      this.#socket.request(what, request);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      if (!errnos.includes(error.errno)) throw explain(error);
    }
  }

  #change(what: string, request: NetlinkRequest): void {
    this.#tolerate([], what, request);
  }
}

function explain(cause: OsError): Error {
  if (cause.errno !== Errno.EPERM && cause.errno !== Errno.EACCES) return cause;
  return new MeshError("permission-denied", `Cannot ${cause.message}`, {
    hint: "Run as root, or give the program the CAP_NET_ADMIN capability.",
    cause,
  });
}
