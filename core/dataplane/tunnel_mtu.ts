/**
 * The MTU of the tunnel's interface where nobody chose one: what the underlay carries, less what WireGuard adds.
 *
 * It is no more than the Internet's usual 1500 leaves, also where the way out of this host is wider: most peers are behind
 * ways that are not. It is no less than IPv6 needs (RFC 8200 §5). What a single peer's path cannot carry of that is the
 * matter of `path_mtu.ts`, so one narrow way does not narrow all: the widest counts.
 *
 * @module
 */
import { outerBytes } from "./path_mtu.ts";

/** What an underlay of 1500 leaves when it is IPv6. */
export const TUNNEL_MTU_MAX = 1420;
/** IPv6 runs on no interface with less. */
export const TUNNEL_MTU_MIN = 1280;

/** The interface's MTU, given those of the ways to the peers; with IPv6 headers, because any peer may come by IPv6. */
export function tunnelMtu(underlayMtus: Iterable<number>): number {
  let widest = 0;
  for (const mtu of underlayMtus) {
    widest = Math.max(widest, mtu);
    // Each may be a question to the kernel.
    if (widest - outerBytes(6) >= TUNNEL_MTU_MAX) return TUNNEL_MTU_MAX;
  }
  return widest === 0 ? TUNNEL_MTU_MAX : Math.max(widest - outerBytes(6), TUNNEL_MTU_MIN);
}
