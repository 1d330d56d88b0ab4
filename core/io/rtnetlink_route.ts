/**
 * Routes in rtnetlink (rtnetlink(7), linux/rtnetlink.h).
 *
 * @module
 */
import { IpAddress, type IpFamily } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import {
  type NetlinkMessage,
  NetlinkRequest,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCLUSIVE,
  parseAttributes,
  readU32,
} from "./netlink_message.ts";
import { AF_INET, AF_INET6 } from "./socket_address.ts";

/** Message types. */
export const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

// struct rtmsg { u8 family, dst_len, src_len, tos, table, protocol, scope, type; u32 flags; }
/** Bytes of the header of every message about a route. */
export const ROUTE_HEADER_BYTES = 12;
const TABLE_OFFSET = 4;
const PROTOCOL_OFFSET = 5;
const SCOPE_OFFSET = 6;
const TYPE_OFFSET = 7;

const RTA_DST = 1;
/** Attribute: the interface that packets leave by. */
export const RTA_OIF = 4;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTAX_MTU = 2;
const RTA_TABLE = 15;
const RT_TABLE_MAIN = 254;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
/** What a removal says when any scope will do. */
const RT_SCOPE_NOWHERE = 255;
const RTN_UNICAST = 1;

/** Marks routes as Weft's own, as `proto 87` in `ip route`; the numbers from 4 to 255 are free for programs. */
export const ROUTE_PROTOCOL = 87;

/** A route of the main table through an interface, or the answer to a lookup. */
export interface Route {
  /** The prefix it leads to; `undefined` in the answer to a lookup of nothing. */
  readonly destination: Prefix;
  readonly interfaceIndex: number | undefined;
  readonly metric: number;
  readonly protocol: number;
  readonly isMainTable: boolean;
  /** False for blackhole, prohibit, unreachable, and for broadcast, multicast and local delivery. */
  readonly isUnicast: boolean;
  /** The address that packets leave with. */
  readonly source: IpAddress | undefined;
  /** Where it is not the interface's: set by hand, or learned from routers on the way. */
  readonly mtu: number | undefined;
}

/** Asks for the routes of one family through one interface. Old kernels answer with all routes: filter again. */
export function routesRequest(family: IpFamily, index: number): NetlinkRequest {
  const header = new Uint8Array(ROUTE_HEADER_BYTES);
  header[0] = family === 4 ? AF_INET : AF_INET6;
  return new NetlinkRequest(RTM_GETROUTE, NLM_F_DUMP, header).u32(RTA_OIF, index).u32(RTA_TABLE, RT_TABLE_MAIN);
}

/** Asks which route a packet to `destination` would take now. */
export function routeLookupRequest(destination: IpAddress): NetlinkRequest {
  const header = new Uint8Array(ROUTE_HEADER_BYTES);
  header[0] = destination.family === 4 ? AF_INET : AF_INET6;
  header[1] = destination.bits;
  return new NetlinkRequest(RTM_GETROUTE, 0, header).attribute(RTA_DST, destination.toBytes());
}

/** Adds a route to `destination` through the interface, without gateway. Fails if the same one exists. */
export function addRouteRequest(index: number, destination: Prefix, metric: number): NetlinkRequest {
  const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCLUSIVE;
  const scope = destination.family === 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  return changeRequest(RTM_NEWROUTE, flags, scope, index, destination, metric);
}

/** Removes what {@linkcode addRouteRequest} added. */
export function removeRouteRequest(index: number, destination: Prefix, metric: number): NetlinkRequest {
  return changeRequest(RTM_DELROUTE, NLM_F_ACK, RT_SCOPE_NOWHERE, index, destination, metric);
}

/** Reads an `RTM_NEWROUTE` message; `undefined` for any other, other families, and if a length in it does not fit. */
export function parseRoute(message: NetlinkMessage): Route | undefined {
  if (message.type !== RTM_NEWROUTE) return undefined;
  const { body } = message;
  const attributes = parseAttributes(body, ROUTE_HEADER_BYTES);
  const addressBytes = body[0] === AF_INET ? 4 : body[0] === AF_INET6 ? 16 : 0;
  if (!attributes || addressBytes === 0) return undefined;
  // A default route has no destination attribute.
  const target = attributes.get(RTA_DST) ?? new Uint8Array(addressBytes);
  if (target.length !== addressBytes) return undefined;
  const address = IpAddress.fromBytes(target);
  const destination = address && Prefix.of(address, body[1] ?? 0);
  if (!destination) return undefined;
  const source = attributes.get(RTA_PREFSRC);
  const metrics = attributes.get(RTA_METRICS);
  return {
    destination,
    interfaceIndex: readU32(attributes.get(RTA_OIF)),
    metric: readU32(attributes.get(RTA_PRIORITY)) ?? 0,
    protocol: body[PROTOCOL_OFFSET] ?? 0,
    isMainTable: (readU32(attributes.get(RTA_TABLE)) ?? body[TABLE_OFFSET]) === RT_TABLE_MAIN,
    isUnicast: body[TYPE_OFFSET] === RTN_UNICAST,
    source: source && IpAddress.fromBytes(source),
    mtu: metrics && readU32(parseAttributes(metrics, 0)?.get(RTAX_MTU)),
  };
}

function changeRequest(
  type: number,
  flags: number,
  scope: number,
  index: number,
  destination: Prefix,
  metric: number,
): NetlinkRequest {
  const header = new Uint8Array(ROUTE_HEADER_BYTES);
  header[0] = destination.family === 4 ? AF_INET : AF_INET6;
  header[1] = destination.bits;
  header[TABLE_OFFSET] = RT_TABLE_MAIN;
  header[PROTOCOL_OFFSET] = ROUTE_PROTOCOL;
  header[SCOPE_OFFSET] = scope;
  header[TYPE_OFFSET] = RTN_UNICAST;
  return new NetlinkRequest(type, flags, header)
    .attribute(RTA_DST, destination.masked().address.toBytes())
    .u32(RTA_OIF, index)
    .u32(RTA_PRIORITY, metric);
}
