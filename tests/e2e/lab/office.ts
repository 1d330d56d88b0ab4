/**
 * A network behind one router, whose hosts reach the internet by their default route: as they are, or translated.
 *
 * @module
 */
import type { Host } from "./host.ts";
import type { Lab } from "./lab.ts";
import type { Network, Prefixes } from "./network.ts";
import type { Need } from "./requirements.ts";

/** The prefixes of the office (RFC 5737, RFC 3849). */
export const OFFICE_PREFIXES: Prefixes = { ipv4: "198.51.100.", ipv6: "2001:db8:0:2::" };

/** What an office with address translation needs. */
export const NAT_NEEDS: readonly Need[] = ["command:nft", "command:sysctl"];

/** A network, and the router between it and the internet. */
export class Office {
  /** On the internet as `eth0`, in the office as `eth1`. */
  readonly router: Host;
  readonly #lab: Lab;
  readonly #network: Network;

  private constructor(lab: Lab, network: Network, router: Host) {
    this.#lab = lab;
    this.#network = network;
    this.router = router;
  }

  /** An office without hosts. */
  static async create(lab: Lab): Promise<Office> {
    const network = await lab.network(OFFICE_PREFIXES);
    const router = await lab.host("router", [lab.internet, network]);
    await router.mustExec(["sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
    return new Office(lab, network, router);
  }

  /** Another host in the office. */
  async host(name: string): Promise<Host> {
    const host = await this.#lab.host(name, [this.#network]);
    const inside = this.router.attachments[1];
    await host.ip(`route add default via ${inside?.ipv4}\nroute add default via ${inside?.ipv6}`);
    return host;
  }

  /** Lets a host on the internet find the office. */
  async reachableFrom(host: Host): Promise<void> {
    await host.ip(`route add ${OFFICE_PREFIXES.ipv4}0/24 via ${this.router.ipv4}
route add ${OFFICE_PREFIXES.ipv6}/64 via ${this.router.ipv6}`);
  }

  /** Translates addresses from now on, and forgets a translation that was not used for so many seconds. */
  async translate(timeoutSeconds: number): Promise<void> {
    const timeouts = ["udp_timeout", "udp_timeout_stream"].map((name) =>
      `net.netfilter.nf_conntrack_${name}=${timeoutSeconds}`
    );
    await this.router.mustExec(["nft", "-f", "-"], { stdin: MASQUERADE });
    await this.router.mustExec(["sysctl", "-q", "-w", ...timeouts]);
  }
}

const MASQUERADE = `
table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat
    oifname "eth0" masquerade
  }
}
`;
