/**
 * Network interfaces in rtnetlink (rtnetlink(7), linux/if_link.h).
 *
 * @module
 */
import {
  type NetlinkMessage,
  NetlinkRequest,
  NLM_F_ACK,
  NLM_F_DUMP,
  parseAttributes,
  readString,
  readU32,
} from "./netlink_message.ts";
import { cString } from "./libc_ffi.ts";
import { AF_INET6 } from "./socket_address.ts";

/** Message types. */
export const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;

// struct ifinfomsg { u8 family; u8 pad; u16 type; s32 index; u32 flags; u32 change; }
const LINK_HEADER_BYTES = 16;
const INDEX_OFFSET = 4;
const FLAGS_OFFSET = 8;
const CHANGE_OFFSET = 12;

const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_AF_SPEC = 26;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;

/** A network interface of the host. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mtu: number;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
}

/** Asks for the interface `name`. */
export function linkByNameRequest(name: string): NetlinkRequest {
  return new NetlinkRequest(RTM_GETLINK, 0, header(0)).attribute(IFLA_IFNAME, cString(name));
}

/** Asks for the interface of number `index`. */
export function linkByIndexRequest(index: number): NetlinkRequest {
  return new NetlinkRequest(RTM_GETLINK, 0, header(index));
}

/** Asks for all interfaces. */
export function linksRequest(): NetlinkRequest {
  return new NetlinkRequest(RTM_GETLINK, NLM_F_DUMP, header(0));
}

/** Sets the MTU and brings the interface up. */
export function linkUpRequest(index: number, mtu: number): NetlinkRequest {
  return new NetlinkRequest(RTM_SETLINK, NLM_F_ACK, header(index, IFF_UP)).u32(IFLA_MTU, mtu);
}

/** Sets the MTU. */
export function linkMtuRequest(index: number, mtu: number): NetlinkRequest {
  return new NetlinkRequest(RTM_SETLINK, NLM_F_ACK, header(index)).u32(IFLA_MTU, mtu);
}

/** Keeps the kernel from giving the interface an IPv6 link-local address of its own; send it before bringing it up. */
export function noLinkLocalRequest(index: number): NetlinkRequest {
  const request = new NetlinkRequest(RTM_SETLINK, NLM_F_ACK, header(index));
  return request.nested(IFLA_AF_SPEC, () => {
    request.nested(AF_INET6, () => {
      request.u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    });
  });
}

/** Reads an `RTM_NEWLINK` message; `undefined` for any other, and if a length in it does not fit. */
export function parseLink(message: NetlinkMessage): Link | undefined {
  if (message.type !== RTM_NEWLINK) return undefined;
  const attributes = parseAttributes(message.body, LINK_HEADER_BYTES);
  const name = attributes?.get(IFLA_IFNAME);
  if (!attributes || !name) return undefined;
  const view = new DataView(message.body.buffer, message.body.byteOffset, LINK_HEADER_BYTES);
  const flags = view.getUint32(FLAGS_OFFSET, true);
  return {
    index: view.getInt32(INDEX_OFFSET, true),
    name: readString(name),
    mtu: readU32(attributes.get(IFLA_MTU)) ?? 0,
    isUp: (flags & IFF_UP) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
  };
}

function header(index: number, setFlags = 0): Uint8Array {
  const bytes = new Uint8Array(LINK_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(INDEX_OFFSET, index, true);
  view.setUint32(FLAGS_OFFSET, setFlags, true);
  view.setUint32(CHANGE_OFFSET, setFlags, true);
  return bytes;
}
