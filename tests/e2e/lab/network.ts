/**
 * One link-layer network of the lab: a bridge, and hosts on it with addresses in one IPv4 and one IPv6 prefix.
 *
 * @module
 */
import type { Attachment, Host } from "./host.ts";

/** Longest name of an interface in Linux. */
const INTERFACE_NAME_MAX = 15;

/** Host part of the last address handed out at most. */
const HOSTS_MAX = 200;

/** First bits of a network's addresses, to which the host's number is appended. */
export interface Prefixes {
  /** Three bytes of an IPv4 /24 with the trailing dot, `192.0.2.`. */
  readonly ipv4: string;
  /** An IPv6 /64 up to and including `::`, `2001:db8:0:1::`. */
  readonly ipv6: string;
}

/** A bridge in the hub's namespace. */
export class Network {
  /** The bridge's name. */
  readonly bridge: string;
  readonly #hub: Host;
  readonly #prefixes: Prefixes;
  #hostCount = 0;

  private constructor(hub: Host, bridge: string, prefixes: Prefixes) {
    this.#hub = hub;
    this.bridge = bridge;
    this.#prefixes = prefixes;
  }

  /** Makes the bridge; it forwards at once and floods multicast. */
  static async create(hub: Host, bridge: string, prefixes: Prefixes): Promise<Network> {
    await hub.ip(`link add ${bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0
link set ${bridge} up`);
    return new Network(hub, bridge, prefixes);
  }

  /** Puts `host` on this network with the next free addresses (1, 2, 3, …). */
  async attach(host: Host): Promise<Attachment> {
    const number = ++this.#hostCount;
    if (number > HOSTS_MAX) throw new Error(`${this.bridge} has no address for ${host.name}`);
    const interfaceName = `eth${host.attachments.length}`;
    const portName = `${this.bridge}-${host.name}`.slice(0, INTERFACE_NAME_MAX);
    const [ipv4, ipv6] = [this.#prefixes.ipv4 + number, this.#prefixes.ipv6 + number.toString(16)];
    await host.ip(`link add ${interfaceName} type veth peer name ${portName} netns ${this.#hub.namespace}`);
    await this.#hub.ip(`link set ${portName} master ${this.bridge} up`);
    await host.ip(`addr add ${ipv4}/24 dev ${interfaceName}
addr add ${ipv6}/64 dev ${interfaceName} nodad
link set ${interfaceName} up`);
    const attachment: Attachment = {
      interfaceName,
      portName,
      ipv4,
      ipv6,
      cut: () => this.#hub.ip(`link set ${portName} nomaster`),
      heal: () => this.#hub.ip(`link set ${portName} master ${this.bridge}`),
    };
    host.attached(attachment);
    return attachment;
  }
}
