/**
 * Two machines far apart: each in a network of its own, and between the networks two routers with a link that can be made
 * narrow.
 *
 * @module
 */
import type { Host } from "./host.ts";
import { INTERNET_PREFIXES, type Lab } from "./lab.ts";
import type { Prefixes } from "./network.ts";

/** The prefixes of the far network (RFC 5737, RFC 3849). */
export const FAR_PREFIXES: Prefixes = { ipv4: "198.51.100.", ipv6: "2001:db8:0:2::" };
/** The prefixes of the link between the routers. */
const LINK_PREFIXES: Prefixes = { ipv4: "203.0.113.", ipv6: "2001:db8:0:3::" };

/** Hosts with routers between them. */
export interface FarApart {
  readonly near: Host;
  readonly far: Host;
  /** The near host's router and the far one's. */
  readonly routers: readonly [Host, Host];
  /** Sets the MTU of the link between the routers; the hosts' own stay 1500. Below 1280 it carries IPv4 only. */
  narrow(mtu: number): Promise<void>;
}

/** Makes all four, with routes in both families. */
export async function farApart(lab: Lab, nearName: string, farName: string): Promise<FarApart> {
  const [farNetwork, link] = [await lab.network(FAR_PREFIXES), await lab.network(LINK_PREFIXES)];
  const [near, far] = [await lab.host(nearName), await lab.host(farName, [farNetwork])];
  const routers: [Host, Host] = [
    await lab.host(`${nearName}-r`, [lab.internet, link]),
    await lab.host(`${farName}-r`, [farNetwork, link]),
  ];
  const prefixes = [INTERNET_PREFIXES, FAR_PREFIXES];
  for (const [side, host] of [near, far].entries()) {
    const [router, other, beyond] = [routers[side], routers[1 - side], prefixes[1 - side]];
    if (!router || !other || !beyond) throw new Error("There are two sides");
    await router.mustExec(["sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
    const over = (from: Host, { ipv4, ipv6 }: { readonly ipv4: string; readonly ipv6: string } | undefined = from) =>
      from.ip(`route add ${beyond.ipv4}0/24 via ${ipv4}\nroute add ${beyond.ipv6}/64 via ${ipv6}`);
    await over(host, router.attachments[0]);
    await over(router, other.attachments[1]);
  }
  return {
    near,
    far,
    routers,
    async narrow(mtu) {
      for (const router of routers) await router.ip(`link set eth1 mtu ${mtu}`);
    },
  };
}
