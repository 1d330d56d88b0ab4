/**
 * Interface addresses in rtnetlink (rtnetlink(7), linux/if_addr.h).
 *
 * @module
 */
import { IpAddress } from "../ip/address.ts";
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
export const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

// struct ifaddrmsg { u8 family; u8 prefixlen; u8 flags; u8 scope; u32 index; }
const ADDRESS_HEADER_BYTES = 8;
const FLAGS_OFFSET = 2;
const SCOPE_OFFSET = 3;
const INDEX_OFFSET = 4;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_RT_PRIORITY = 9;
const IFA_F_TEMPORARY = 0x01;
const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_TENTATIVE = 0x40;
const RT_SCOPE_UNIVERSE = 0;

/** An address on an interface. */
export interface InterfaceAddress {
  readonly interfaceIndex: number;
  /** The address with its host bits, and the length of the prefix it lives in. */
  readonly prefix: Prefix;
  /** False for link-local and host-local scope. */
  readonly isGlobal: boolean;
  /** An IPv6 privacy address (RFC 8981), in use for hours. */
  readonly isTemporary: boolean;
  /** Connections may be made from and to it: not deprecated, not tentative, not a duplicate. */
  readonly isUsable: boolean;
}

/** Asks for all addresses of the host. */
export function addressesRequest(): NetlinkRequest {
  return new NetlinkRequest(RTM_GETADDR, NLM_F_DUMP, new Uint8Array(ADDRESS_HEADER_BYTES));
}

/**
 * Adds an address, without broadcast address and without duplicate detection: the mesh gave it to this node alone.
 *
 * @param metric Of the route to the rest of the prefix that the kernel makes with it.
 */
export function addAddressRequest(index: number, prefix: Prefix, metric: number): NetlinkRequest {
  const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCLUSIVE;
  const request = new NetlinkRequest(RTM_NEWADDR, flags, header(index, prefix));
  return withAddress(request, prefix).u32(IFA_FLAGS, IFA_F_NODAD).u32(IFA_RT_PRIORITY, metric);
}

/** Removes an address and the route that came with it. */
export function removeAddressRequest(index: number, prefix: Prefix): NetlinkRequest {
  return withAddress(new NetlinkRequest(RTM_DELADDR, NLM_F_ACK, header(index, prefix)), prefix);
}

/** Reads an `RTM_NEWADDR` message; `undefined` for any other, other families, and if a length in it does not fit. */
export function parseAddress(message: NetlinkMessage): InterfaceAddress | undefined {
  if (message.type !== RTM_NEWADDR) return undefined;
  const attributes = parseAttributes(message.body, ADDRESS_HEADER_BYTES);
  // On a point-to-point link IFA_ADDRESS is the other end and IFA_LOCAL is ours; IPv6 usually has IFA_ADDRESS alone.
  const bytes = attributes?.get(IFA_LOCAL) ?? attributes?.get(IFA_ADDRESS);
  const [family, bits, shortFlags, scope] = message.body;
  if (!attributes || !bytes || bits === undefined) return undefined;
  if (bytes.length !== (family === AF_INET ? 4 : family === AF_INET6 ? 16 : 0)) return undefined;
  const address = IpAddress.fromBytes(bytes);
  const prefix = address && Prefix.of(address, bits);
  if (!prefix) return undefined;
  const flags = readU32(attributes.get(IFA_FLAGS)) ?? shortFlags ?? 0;
  return {
    interfaceIndex: new DataView(message.body.buffer, message.body.byteOffset).getUint32(INDEX_OFFSET, true),
    prefix,
    isGlobal: scope === RT_SCOPE_UNIVERSE,
    isTemporary: family === AF_INET6 && (flags & IFA_F_TEMPORARY) !== 0,
    isUsable: (flags & (IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_DADFAILED)) === 0,
  };
}

function header(index: number, prefix: Prefix): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_HEADER_BYTES);
  bytes[0] = prefix.family === 4 ? AF_INET : AF_INET6;
  bytes[1] = prefix.bits;
  bytes[FLAGS_OFFSET] = IFA_F_NODAD;
  bytes[SCOPE_OFFSET] = RT_SCOPE_UNIVERSE;
  new DataView(bytes.buffer).setUint32(INDEX_OFFSET, index, true);
  return bytes;
}

function withAddress(request: NetlinkRequest, prefix: Prefix): NetlinkRequest {
  const bytes = prefix.address.toBytes();
  return request.attribute(IFA_LOCAL, bytes).attribute(IFA_ADDRESS, bytes);
}
