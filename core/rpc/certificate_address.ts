/**
 * Whether a server's certificate is for an IP address (RFC 9525 §6.5, RFC 5280 §4.2.1.6 iPAddress).
 *
 * Needed because a TLS client names the server by host name only (RFC 6066 §3), and members of a mesh know each other
 * by address. The chain of trust is checked by TLS itself.
 *
 * @module
 */
import { IpAddress } from "../ip/address.ts";

const IP_ENTRY = "IP Address:";

/**
 * True if the certificate lists `address` among its alternative names. Wildcards and common names do not count.
 *
 * @param alternativeNames The names as node's TLS prints them, `DNS:a.example, IP Address:192.0.2.1`. A name that would
 * need quoting is in no honest certificate of a node; then nothing in the text is believed.
 */
export function certificateCovers(alternativeNames: string | undefined, address: IpAddress): boolean {
  if (alternativeNames === undefined || /["'\\\0]/.test(alternativeNames)) return false;
  return alternativeNames.split(", ").some((entry) =>
    entry.startsWith(IP_ENTRY) && IpAddress.parse(entry.slice(IP_ENTRY.length))?.equals(address)
  );
}
