/**
 * Two machines with a router between their networks.
 *
 * @module
 */
import type { Host } from "./host.ts";
import { INTERNET_PREFIXES, type Lab } from "./lab.ts";
import type { Prefixes } from "./network.ts";

/** The prefixes of the network behind the router (RFC 5737, RFC 3849). */
export const FAR_PREFIXES: Prefixes = { ipv4: "198.51.100.", ipv6: "2001:db8:0:2::" };

/** Two hosts that reach each other through `router`, whose `eth0` is on the near side and `eth1` on the far one. */
export interface FarApart {
  readonly near: Host;
  readonly far: Host;
  readonly router: Host;
}

/** Makes all three, with the other network's route on both hosts. */
export async function farApart(lab: Lab, nearName: string, farName: string): Promise<FarApart> {
  const network = await lab.network(FAR_PREFIXES);
  const [near, far] = [await lab.host(nearName), await lab.host(farName, [network])];
  const router = await lab.host("router", [lab.internet, network]);
  await router.mustExec(["sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
  const [nearSide, farSide] = router.attachments;
  await near.ip(`route add ${FAR_PREFIXES.ipv4}0/24 via ${nearSide?.ipv4}
route add ${FAR_PREFIXES.ipv6}/64 via ${nearSide?.ipv6}`);
  await far.ip(`route add ${INTERNET_PREFIXES.ipv4}0/24 via ${farSide?.ipv4}
route add ${INTERNET_PREFIXES.ipv6}/64 via ${farSide?.ipv6}`);
  return { near, far, router };
}
