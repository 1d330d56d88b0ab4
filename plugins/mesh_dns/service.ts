/**
 * The loop that does I/O: sockets to answers, and the state of the mesh to the zone.
 *
 * @module
 */
import {
  ConfigError,
  type Host,
  type ListenAddress,
  listNodes,
  type NodeRecord,
  type SocketPeer,
  type TcpPort,
  type UdpPort,
} from "../../core/mod.ts";
import type { MeshDnsConfig } from "./config.ts";
import { Counts, declareMetrics, type Transport } from "./counts.ts";
import { Forwarder } from "./forwarder.ts";
import { Responder } from "./responder.ts";
import { SourceFilter } from "./source_filter.ts";
import { serveTcp, TCP_CONNECTIONS_MAX, TCP_CONNECTIONS_SPARE, TcpRoom } from "./tcp_service.ts";
import { Zone } from "./zone.ts";

/** What mesh_dns takes of the node. */
export type MeshDnsNeeds = Pick<
  Host,
  | "read"
  | "appliedIndex"
  | "node"
  | "leader"
  | "dnsBoard"
  | "resolver"
  | "listen"
  | "metrics"
  | "log"
  | "status"
  | "tasks"
  | "time"
  | "clock"
  | "random"
>;

/** From one look at the nodes to the next, at least; many changes in a row are one. */
const REFRESH_MS = 50;
/** The same in multiples of what a look costs: a large mesh is looked at less often. */
const REFRESH_COST_FACTOR = 20;
/** How often it is looked whether somebody else leads; there is no signal for that. */
const LEADER_LOOK_MS = 1_000;
/** Ports that the system may choose until one is free in both protocols. */
const CHOSEN_PORTS_MAX = 16;
/** Ids in a line for people. */
const SHOWN_IDS_MAX = 5;

/** Opens both ports and starts to follow the mesh. */
export async function startMeshDns(needs: MeshDnsNeeds, config: MeshDnsConfig): Promise<AsyncDisposable> {
  const service = new MeshDns(needs, config);
  await service.open();
  return { [Symbol.asyncDispose]: () => Promise.resolve() };
}

class MeshDns {
  readonly #needs: MeshDnsNeeds;
  readonly #config: MeshDnsConfig;
  readonly #counts = new Counts();
  readonly #sources: SourceFilter;
  readonly #forwarder: Forwarder | undefined;
  readonly #responder: Responder;
  readonly #room = new TcpRoom();
  #nodes: readonly NodeRecord[] = [];
  #boardVersion = -1;
  #leaderId: string | undefined;
  #lookedMs = 0;
  /** What systemd-resolved was told. */
  #routed = "";

  constructor(needs: MeshDnsNeeds, config: MeshDnsConfig) {
    this.#needs = needs;
    this.#config = config;
    this.#sources = new SourceFilter(config.allow);
    const { listen, clock, random, time } = needs;
    if (config.upstreams.length > 0) {
      this.#forwarder = new Forwarder({
        upstreams: config.upstreams,
        listen,
        clock,
        random,
        delay: (delayMs, signal) => time.delay(delayMs, signal),
        onOutcome: (isAnswered) => this.#showUpstream(isAnswered),
      });
    }
    this.#responder = new Responder({
      zone: this.#makeZone(),
      key: config.tsigKey,
      forwards: this.#forwarder !== undefined,
    });
  }

  async open(): Promise<void> {
    const { metrics, tasks, log } = this.#needs;
    const { domain } = this.#config;
    await this.#readNodes();
    const bound = await this.#bind();
    this.#refuseItself(bound);
    declareMetrics(metrics, this.#counts, this.#room, this.#responder, this.#forwarder);
    log.info("answers", { domain, host: bound.host, port: bound.port });
    tasks.run("follow the mesh", () => this.#follow(bound));
  }

  /** Both protocols on one port. One that the system chose may be another's in the second protocol: then it chooses again. */
  async #bind(): Promise<SocketPeer> {
    const { listen: address } = this.#config;
    for (let tries = 1;; tries++) {
      const udp = await this.#bindUdp(address);
      // Where it really is: a name has an address, and all addresses may be those of IPv4 alone.
      const bound = { host: udp.host, port: udp.port };
      try {
        await this.#bindTcp(bound);
        return bound;
      } catch (error) {
        await udp[Symbol.asyncDispose]();
        if (address.port !== 0 || tries === CHOSEN_PORTS_MAX) throw error;
      }
    }
  }

  #bindUdp(address: ListenAddress): Promise<UdpPort> {
    return this.#needs.listen.udp(address, (datagram, from, port) => {
      const answer = this.#answer(datagram, from, "udp");
      if (answer instanceof Uint8Array) port.send(answer, from);
      else answer?.then((bytes) => bytes && port.send(bytes, from));
    });
  }

  #bindTcp(address: ListenAddress): Promise<TcpPort> {
    const { listen, time, clock } = this.#needs;
    return listen.tcp(address, TCP_CONNECTIONS_MAX + TCP_CONNECTIONS_SPARE, async (connection) => {
      const { remote } = connection;
      // Who is refused anyway must not keep others out.
      if (!this.#sources.allows(remote.host)) return this.#counts.closed("stranger");
      const answer = async (query: Uint8Array) => await this.#answer(query, remote, "tcp");
      this.#counts.closed(await serveTcp(connection, { time, clock, answer, room: this.#room }));
    });
  }

  /** Whoever asks himself would ask for ever. */
  #refuseItself({ host, port }: SocketPeer): void {
    const self = this.#needs.node.self();
    const own = [host, "127.0.0.1", "::1", "0.0.0.0", "::", `${self?.ipv4 ?? host}`, `${self?.ipv6 ?? host}`];
    for (const upstream of this.#config.upstreams) {
      if (upstream.port !== port || !own.includes(upstream.host)) continue;
      throw new ConfigError(`Cannot forward to ${upstream.host} port ${port}: that is this server`);
    }
  }

  /** Bytes now, or later, or none. */
  #answer(
    bytes: Uint8Array,
    { host }: SocketPeer,
    transport: Transport,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const nowMs = this.#needs.clock.monotonicMs();
    this.#look(nowMs);
    const arrival = {
      transport,
      isAllowed: this.#sources.allows(host),
      nowMs,
      wallS: Math.floor(this.#needs.clock.wallMs() / 1000),
    };
    const response = this.#responder.respond(bytes, arrival);
    switch (response.kind) {
      case "answer":
        this.#counts.answered(transport, response.rcode);
        return response.bytes;
      case "silence":
        this.#counts.silences[response.reason]++;
        return undefined;
      case "forward":
        return (async () => {
          const answer = await this.#forwarder?.ask(response.query);
          const finished = this.#responder.finish(response.query, response.verdict, answer, arrival);
          if (finished.kind !== "answer") return undefined;
          this.#counts.answered(transport, finished.rcode);
          return finished.bytes;
        })();
    }
  }

  /** Has a plugin other names, does another node lead? */
  #look(nowMs: number): void {
    const { dnsBoard, leader } = this.#needs;
    let isStale = dnsBoard.version !== this.#boardVersion;
    if (nowMs - this.#lookedMs > LEADER_LOOK_MS) {
      this.#lookedMs = nowMs;
      isStale ||= leader.current()?.nodeId !== this.#leaderId;
    }
    if (isStale) this.#responder.zone = this.#makeZone();
  }

  async #follow(bound: SocketPeer): Promise<void> {
    const { appliedIndex, clock, time } = this.#needs;
    await this.#needs.resolver.restore();
    for await (const _index of appliedIndex) {
      const startMs = clock.monotonicMs();
      await this.#readNodes();
      const costMs = clock.monotonicMs() - startMs;
      await this.#tellResolver(bound);
      try {
        await time.delay(Math.max(REFRESH_MS, REFRESH_COST_FACTOR * costMs));
      } catch {
        // The plugin stops.
        return;
      }
    }
  }

  async #readNodes(): Promise<void> {
    const { read, status } = this.#needs;
    this.#nodes = await read(listNodes);
    const zone = this.#responder.zone = this.#makeZone();
    const { mesh } = zone.facts;
    this.#sources.mesh = mesh ? [mesh.networkIpv4, mesh.networkIpv6] : [];
    const { unnamedIds } = zone;
    if (unnamedIds.length === 0) return status.clear("unnamed");
    status.set("unnamed", {
      severity: "low",
      text: `Nodes without a name in DNS: ${unnamedIds.slice(0, SHOWN_IDS_MAX).join(", ")}${
        unnamedIds.length > SHOWN_IDS_MAX ? ", …" : ""
      }`,
      fix: "Give them ids that are host names, and none of those that mean something already.",
    });
  }

  #makeZone(): Zone {
    const { node, leader, dnsBoard } = this.#needs;
    const { domain, ttlS, negativeTtlS } = this.#config;
    this.#boardVersion = dnsBoard.version;
    this.#leaderId = leader.current()?.nodeId;
    return new Zone({
      domain,
      selfId: node.id,
      leaderId: this.#leaderId,
      mesh: node.mesh(),
      nodes: this.#nodes,
      offers: dnsBoard.records(),
      serial: node.appliedIndex(),
      ttlS,
      negativeTtlS,
    });
  }

  async #tellResolver(bound: SocketPeer): Promise<void> {
    if (!this.#config.usesResolved) return;
    const { resolver, status, node, log } = this.#needs;
    const self = node.self();
    if (!self) return;
    const servers = this.#addressesAt(bound.host, self).map((host) => ({ host, port: bound.port }));
    const text = JSON.stringify(servers);
    if (text === this.#routed) return;
    this.#routed = text;
    try {
      await resolver.route({ domains: [this.#config.domain], servers });
      status.clear("resolved");
    } catch (error) {
      log.warn("systemd-resolved was not told", { error: String(error) });
      status.set("resolved", {
        severity: "medium",
        text: `This host's resolver does not know of the mesh: ${error instanceof Error ? error.message : error}`,
        fix: "Start systemd-resolved, or leave out --mesh-dns.resolved.",
      });
    }
  }

  /** Where this node is asked that listens on `host`. */
  #addressesAt(host: string, self: NodeRecord): string[] {
    if (host !== "::" && host !== "0.0.0.0") return [host];
    const { ipv4, ipv6 } = this.#needs.node.settings;
    // All nodes have an IPv6 address in the mesh's state, and not all of them on their interface.
    const own = [ipv4 ? self.ipv4 : undefined, ipv6 && host === "::" ? self.ipv6 : undefined];
    return own.flatMap((address) => address ? [`${address}`] : []);
  }

  #showUpstream(isAnswered: boolean): void {
    const { status } = this.#needs;
    if (isAnswered) return status.clear("upstream");
    status.set("upstream", {
      severity: "medium",
      text: "The servers that other names are forwarded to do not answer",
      fix: "Look at --mesh-dns.forward, and whether this host reaches them.",
    });
  }
}
