/**
 * What the mesh looks like in DNS: built once for each state of the mesh, asked for each question. Pure.
 *
 * ```text
 * <domain>                            SOA NS
 * <node>.<domain>                     A AAAA TXT      and for every name below it that does not exist (RFC 4592)
 * endpoint.<node>.<domain>            A AAAA          where the node is reached outside of the mesh
 * _grpc._tcp[.<node>].<domain>        SRV             to <node>
 * _wireguard._udp[.<node>].<domain>   SRV             to endpoint.<node>, for nodes that have said one
 * leader.<domain>                     CNAME           to the node that leads
 * <offered>.<domain>                  what plugins offer
 * ….in-addr.arpa, ….ip6.arpa          PTR             for addresses of the mesh's own networks
 * ```
 *
 * Names of the mesh win over names of nodes, those over offered ones.
 *
 * @module
 */
import type { DnsOffer, MeshInfo, NodeRecord } from "../../core/mod.ts";
import { NAME_BYTES_MAX } from "./protocol.ts";
import type { RecordData, ZoneRecord } from "./records.ts";
import { addressOfReverseName, type ReverseName } from "./reverse_name.ts";

/** What a zone is made of. */
export interface ZoneFacts {
  /** Lower case, without a dot at the end. */
  readonly domain: string;
  /** This node: the name server. */
  readonly selfId: string;
  readonly leaderId: string | undefined;
  readonly mesh: MeshInfo | undefined;
  readonly nodes: readonly NodeRecord[];
  readonly offers: readonly DnsOffer[];
  /** Rises with the state. */
  readonly serial: number;
  readonly ttlS: number;
  /** How long others may remember that something does not exist. */
  readonly negativeTtlS: number;
}

/** What is known of a name. */
export interface Found {
  /** The zone's own name. */
  readonly apex: string;
  readonly exists: boolean;
  /** Of all types; the owner is the name that was asked for. */
  readonly records: readonly ZoneRecord[];
}

/** Names below a node that are its own. */
const ENDPOINT_LABEL = "endpoint";
/** Names that mean something to hosts, so that no node may have them (RFC 6761, and old proxies that are looked for by name). */
const RESERVED_NAMES: ReadonlySet<string> = new Set(["leader", "localhost", "wpad", "isatap"]);
/** Nodes in the answer to one SRV question; a TCP message holds about that many. */
export const SERVICE_RECORDS_MAX = 500;

/** Another node may lead in a moment. */
const LEADER_TTL_S = 5;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
const SERVICES = ["_grpc._tcp", "_wireguard._udp"] as const;

type Entry =
  | { readonly kind: "node"; readonly node: NodeRecord }
  | { readonly kind: "offers"; readonly offers: readonly DnsOffer[] }
  /** Exists because names below it do (RFC 4592 §2.2.2). */
  | { readonly kind: "empty" };

/** See the module. */
export class Zone {
  readonly facts: ZoneFacts;
  /** Ids of nodes that are no names, or names of something else. */
  readonly unnamedIds: readonly string[];
  readonly #suffix: string;
  /** By name without the domain. */
  readonly #entries = new Map<string, Entry>();
  readonly #idsByAddress = new Map<string, string>();
  readonly #named: readonly NodeRecord[];

  constructor(facts: ZoneFacts) {
    this.facts = facts;
    this.#suffix = `.${facts.domain}`;
    const unnamed: string[] = [];
    const named: NodeRecord[] = [];
    for (const node of facts.nodes) {
      const name = node.id.toLowerCase();
      if (!this.#canBeNamed(name)) {
        unnamed.push(node.id);
        continue;
      }
      named.push(node);
      this.#put(name, { kind: "node", node });
      for (const address of [node.ipv4, node.ipv6]) if (address) this.#idsByAddress.set(`${address}`, name);
    }
    this.unnamedIds = unnamed;
    this.#named = named;
    for (const [name, offers] of Map.groupBy(facts.offers, ({ name }) => name.toLowerCase())) {
      const isTaken = this.#entries.get(name)?.kind === "node" || isOfTheMesh(name);
      if (!isTaken && this.#fits(name)) this.#put(name, { kind: "offers", offers: compatible(offers) });
    }
  }

  /** The start of authority of the zone `apex`. */
  soa(apex: string): ZoneRecord {
    const { domain, serial, ttlS, negativeTtlS } = this.facts;
    return {
      type: "SOA",
      owner: apex,
      ttlS,
      primary: this.#nameServer(),
      mailbox: `hostmaster.${domain}`,
      serial: serial >>> 0,
      refreshS: 60,
      retryS: 10,
      expireS: 86_400,
      minimumS: negativeTtlS,
    };
  }

  /** `undefined` if the name belongs to none of the mesh's zones. */
  find(name: string): Found | undefined {
    const { domain } = this.facts;
    if (name === domain) return this.#apex(domain, name);
    if (name.endsWith(this.#suffix)) return this.#below(name, name.slice(0, -this.#suffix.length));
    const reverse = addressOfReverseName(name);
    return reverse && this.#reverse(name, reverse);
  }

  #nameServer(): string {
    return `${this.facts.selfId.toLowerCase()}${this.#suffix}`;
  }

  #apex(apex: string, owner: string): Found {
    const ns: ZoneRecord = { type: "NS", owner, ttlS: this.facts.ttlS, target: this.#nameServer() };
    return { apex, exists: true, records: [this.soa(apex), ns] };
  }

  #below(owner: string, name: string): Found {
    const data = this.#data(name);
    const { ttlS } = this.facts;
    return {
      apex: this.facts.domain,
      exists: data !== undefined,
      records: data?.map((each) => ({ ttlS, ...each, owner })) ?? [],
    };
  }

  /** `undefined` if there is no such name. */
  #data(name: string): readonly (RecordData & { readonly ttlS?: number })[] | undefined {
    if (name === "leader") return this.#leader();
    if (name === "_tcp" || name === "_udp") return [];
    for (const service of SERVICES) if (name === service) return this.#service(service, this.#named);
    const entry = this.#entries.get(name);
    if (entry?.kind === "node") return this.#nodeData(entry.node);
    if (entry?.kind === "offers") return entry.offers.map((offer) => this.#offered(offer));
    if (entry) return [];
    return this.#belowNode(name);
  }

  /** The name does not stand for itself: what the closest name above that exists says. */
  #belowNode(name: string): readonly RecordData[] | undefined {
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const entry = this.#entries.get(name.slice(dot + 1));
      if (!entry) continue;
      if (entry.kind !== "node") return undefined;
      const label = name.slice(0, dot);
      if (label === ENDPOINT_LABEL) return endpointData(entry.node);
      if (label === "_tcp" || label === "_udp") return [];
      for (const service of SERVICES) if (label === service) return this.#service(service, [entry.node]);
      // Names that exist have no wildcard, unless one is said to be below them.
      if (/(^|\.)(endpoint|_tcp|_udp)$/.test(label)) return undefined;
      return this.#nodeData(entry.node);
    }
    return undefined;
  }

  #leader(): readonly (RecordData & { readonly ttlS: number })[] {
    const id = this.facts.leaderId?.toLowerCase();
    if (id === undefined || this.#entries.get(id)?.kind !== "node") return [];
    return [{ type: "CNAME", target: id + this.#suffix, ttlS: Math.min(this.facts.ttlS, LEADER_TTL_S) }];
  }

  #nodeData(node: NodeRecord): readonly RecordData[] {
    const { id, ipv4, ipv6, raftPort, grpcPort, wireguardPort, primaryEndpoint, endpoints } = node;
    const addresses: RecordData[] = [{ type: "AAAA", address: `${ipv6}` }];
    if (ipv4) addresses.unshift({ type: "A", address: `${ipv4}` });
    const texts = [
      `id=${id}`,
      `raft_port=${raftPort}`,
      `grpc_port=${grpcPort}`,
      `wireguard_port=${wireguardPort}`,
      `primary_endpoint=${primaryEndpoint ?? "<none>"}`,
      `endpoints=${cutText(endpoints.map(String)) || "<none>"}`,
    ];
    return [...addresses, { type: "TXT", texts }];
  }

  #service(service: typeof SERVICES[number], nodes: readonly NodeRecord[]): readonly RecordData[] {
    const isGrpc = service === "_grpc._tcp";
    return nodes
      .filter((node) => isGrpc ? node.grpcPort !== 0 : endpointData(node).length > 0)
      .slice(0, SERVICE_RECORDS_MAX)
      .map((node) => {
        const name = node.id.toLowerCase() + this.#suffix;
        return {
          type: "SRV",
          priority: 0,
          weight: 0,
          port: isGrpc ? node.grpcPort : node.wireguardPort,
          target: isGrpc ? name : `${ENDPOINT_LABEL}.${name}`,
        };
      });
  }

  #offered(offer: DnsOffer): RecordData & { readonly ttlS: number } {
    const ttlS = offer.ttlSeconds;
    switch (offer.type) {
      case "A":
      case "AAAA":
        return { type: offer.type, address: offer.address, ttlS };
      case "TXT":
        return { type: "TXT", texts: offer.texts, ttlS };
      case "CNAME":
        return { type: "CNAME", target: offer.target.toLowerCase() + this.#suffix, ttlS };
      case "SRV": {
        const { priority, weight, port, target } = offer;
        return { type: "SRV", priority, weight, port, target: target.toLowerCase() + this.#suffix, ttlS };
      }
    }
  }

  #reverse(name: string, { address, apexFor, contains }: ReverseName): Found | undefined {
    const { mesh, ttlS } = this.facts;
    const network = [mesh?.networkIpv4, mesh?.networkIpv6].find((network) => network && contains(network));
    if (!network) return undefined;
    const apex = apexFor(network);
    if (name === apex) return this.#apex(apex, name);
    // Above an address, and below the zone: some address may be there.
    if (address === undefined) return { apex, exists: true, records: [] };
    const id = this.#idsByAddress.get(`${address}`);
    if (id === undefined) return { apex, exists: false, records: [] };
    return { apex, exists: true, records: [{ type: "PTR", owner: name, ttlS, target: id + this.#suffix }] };
  }

  #canBeNamed(name: string): boolean {
    return !isOfTheMesh(name) && this.#fits(name) && this.#entries.get(name)?.kind !== "node";
  }

  /** All labels are ones, and there is room for a label in front. */
  #fits(name: string): boolean {
    return name.split(".").every((label) => LABEL.test(label)) &&
      name.length + this.#suffix.length + 2 <= NAME_BYTES_MAX;
  }

  #put(name: string, entry: Entry): void {
    this.#entries.set(name, entry);
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const above = name.slice(dot + 1);
      if (!this.#entries.has(above)) this.#entries.set(above, { kind: "empty" });
    }
  }
}

function isOfTheMesh(name: string): boolean {
  return RESERVED_NAMES.has(name) || SERVICES.some((service) => service === name);
}

/** Where a node is reached outside of the mesh. */
function endpointData({ primaryEndpoint, endpoints }: NodeRecord): RecordData[] {
  const all = primaryEndpoint ? [primaryEndpoint, ...endpoints] : endpoints;
  const addresses = new Map(all.map((address) => [`${address}`, address]));
  return [...addresses].map(([text, { family }]) => ({ type: family === 4 ? "A" : "AAAA", address: text }));
}

/** As many as fit into one text (RFC 1035 §3.3). */
function cutText(texts: readonly string[]): string {
  const roomBytes = 255 - "endpoints=".length;
  let joined = "";
  for (const text of texts) {
    const next = joined === "" ? text : `${joined},${text}`;
    if (next.length > roomBytes) break;
    joined = next;
  }
  return joined;
}

/** A name that stands for another has no other data (RFC 2181 §10.1): the first offer decides. */
function compatible(offers: readonly DnsOffer[]): readonly DnsOffer[] {
  const [first] = offers;
  return first?.type === "CNAME" ? [first] : offers.filter(({ type }) => type !== "CNAME");
}
