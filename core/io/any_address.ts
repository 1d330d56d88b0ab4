/**
 * Which address to listen on: `::` takes both families, and on a host without IPv6 there is `0.0.0.0`. A name is the first of its
 * addresses, as the system orders them (RFC 6724), that this host has: a port is one address, whatever the protocol.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** What the system says of a family that it does not have, or of which it has no address. */
const NO_FAMILY = /EAFNOSUPPORT|EADDRNOTAVAIL|os error (?:97|99)\b/;

/** Addresses of a name, in the system's order; rejects if there is no such name. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/**
 * Opens a port at `host`, or, if that is `::` and there is no IPv6, at all addresses of IPv4.
 *
 * @param open Gets an address.
 * @param lookUp Another than the system's in tests only.
 */
export async function openAtAny<Port>(
  host: string,
  open: (address: string) => Promise<Port>,
  lookUp: Lookup = systemLookup,
): Promise<Port> {
  const addresses = await addressesOf(host, lookUp);
  for (const [i, address] of addresses.entries()) {
    try {
      return await open(address);
    } catch (error) {
      const mayGoOn = i < addresses.length - 1 && error instanceof Error && NO_FAMILY.test(error.message);
      if (!mayGoOn) throw error;
    }
  }
  throw new Error(`getaddrinfo ENOTFOUND ${host}`);
}

async function addressesOf(host: string, lookUp: Lookup): Promise<readonly string[]> {
  if (host === "::") return ["::", "0.0.0.0"];
  return isIP(host) === 0 ? await lookUp(host) : [host];
}

async function systemLookup(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}
