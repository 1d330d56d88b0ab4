/**
 * All addresses of this host: `::` takes both families, and on a host without IPv6 there is `0.0.0.0`.
 *
 * @module
 */

/** What the system says of a family that it does not have, or of which it has no address. */
const NO_FAMILY = /EAFNOSUPPORT|EADDRNOTAVAIL|os error (?:97|99)\b/;

/** Opens a port at `host`, or, if that is `::` and there is no IPv6, at all addresses of IPv4. */
export async function openAtAny<Port>(host: string, open: (host: string) => Promise<Port>): Promise<Port> {
  try {
    return await open(host);
  } catch (error) {
    if (host !== "::" || !(error instanceof Error) || !NO_FAMILY.test(error.message)) throw error;
    return await open("0.0.0.0");
  }
}
