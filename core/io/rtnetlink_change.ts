/**
 * What the kernel tells of changes to the network, without being asked (rtnetlink(7), linux/rtnetlink.h).
 *
 * @module
 */
import { type NetlinkMessage, parseAttributes, readU32 } from "./netlink_message.ts";
import { RTM_NEWADDR } from "./rtnetlink_address.ts";
import { RTM_NEWLINK } from "./rtnetlink_link.ts";
import { ROUTE_HEADER_BYTES, RTA_OIF, RTM_NEWROUTE } from "./rtnetlink_route.ts";

// Each kind has four types: new, del, get, set.
const RTM_DELLINK = RTM_NEWLINK + 1;
const RTM_DELADDR = RTM_NEWADDR + 1;
const RTM_DELROUTE = RTM_NEWROUTE + 1;

const LINK_INDEX_OFFSET = 4;
const ADDRESS_INDEX_OFFSET = 4;

const RTMGRP_LINK = 0x1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV4_ROUTE = 0x40;
const RTMGRP_IPV6_IFADDR = 0x100;
const RTMGRP_IPV6_ROUTE = 0x400;

/** The groups that tell of interfaces, addresses and routes. */
export const CHANGE_GROUPS: number = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR |
  RTMGRP_IPV6_ROUTE;

/** The interface that a message says something new of; 0 if it names none, `undefined` if it tells of no change. */
export function changedInterface({ type, body }: NetlinkMessage): number | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return indexAt(body, LINK_INDEX_OFFSET);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return indexAt(body, ADDRESS_INDEX_OFFSET);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return readU32(parseAttributes(body, ROUTE_HEADER_BYTES)?.get(RTA_OIF)) ?? 0;
    default:
      return undefined;
  }
}

function indexAt(body: Uint8Array, offset: number): number {
  return body.length < offset + 4 ? 0 : new DataView(body.buffer, body.byteOffset).getUint32(offset, true);
}
