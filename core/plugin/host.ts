/**
 * What a plugin may take of the node. Narrow on purpose: a plugin's type and its list of needs name the parts it gets,
 * and nothing else is within its reach. No part gives out the node's private key.
 *
 * What the design names and nothing needs yet is absent and refused by name: see {@linkcode ABSENT_CAPABILITIES}.
 *
 * @module
 */
import type { Clock } from "../seams/clock.ts";
import type { Log } from "../seams/log.ts";
import type { Random } from "../seams/random.ts";
import type { DnsBoard, DnsOffers } from "./dns.ts";
import type { StatusLines } from "./health.ts";
import type { Leader } from "./leader.ts";
import type { Http, Listen } from "./listen.ts";
import type { MetricFamilies, Metrics } from "./metrics.ts";
import type { NodeFacts } from "./node_facts.ts";
import type { Resolver } from "./resolver.ts";
import type { Intercept, RpcServices } from "./rpc.ts";
import type { Propose, Read } from "./state.ts";
import type { Tables } from "./tables.ts";
import type { Tasks, Time } from "./tasks.ts";
import type { PluginStates } from "./plugin_state.ts";

/** Everything there is to take. */
export interface Host {
  /** Queries of the replicated state. */
  readonly read: Read;
  /** Writes to the replicated state, as typed commands; on the leader. */
  readonly propose: Propose;
  /**
   * How much of the log this node has taken in, the only change signal: the index now, and each later one. Several in a
   * row are one; who is slow misses none that matters, because the state itself is read. Ends when the plugin stops.
   */
  readonly appliedIndex: AsyncIterable<number>;
  /** Tables of the plugin's own in the replicated state. */
  readonly tables: Tables;
  /** Serves gRPC. */
  readonly rpc: RpcServices;
  /** Stands in front of all gRPC handlers. */
  readonly intercept: Intercept;
  /** Who leads, and calls to it. */
  readonly leader: Leader;
  /** Who and what this node is. */
  readonly node: NodeFacts;
  /** Serves HTTP on an address of the plugin's own. */
  readonly http: Http;
  /** Listens for datagrams and connections on an address of the plugin's own. */
  readonly listen: Listen;
  /** Declares metrics; their names get the plugin's as prefix. */
  readonly metrics: Metrics;
  /** All metrics of node and plugins, for who exposes them. */
  readonly metricFamilies: MetricFamilies;
  /** Offers names in the mesh's domain. */
  readonly dns: DnsOffers;
  /** All names that plugins offer, for who answers DNS. */
  readonly dnsBoard: DnsBoard;
  /** Tells the host's own resolver where names are answered. */
  readonly resolver: Resolver;
  /** A log with the plugin's name as component. */
  readonly log: Log;
  /** Lines in `weft status` and `weft plugins`. */
  readonly status: StatusLines;
  /** What the plugins of this node do. */
  readonly plugins: PluginStates;
  /** Background work, with its failures watched. */
  readonly tasks: Tasks;
  /** Clocks. */
  readonly clock: Clock;
  /** Timers. */
  readonly time: Time;
  /** Random bytes fit for keys. */
  readonly random: Random;
}

/** Capabilities that the design names and this node does not have yet, with the reason that is shown. */
export const ABSENT_CAPABILITIES: Readonly<Record<string, string>> = {
  packets: "rules for the packet filter come with a later version",
  underlay: "paths of a plugin's own come with a later version",
  udp: "datagrams of the WireGuard port come with a later version; `listen` has ports of the plugin's own",
};

/** Every capability there is, for checks at run time. */
export const CAPABILITIES: readonly (keyof Host)[] = [
  "read",
  "propose",
  "appliedIndex",
  "tables",
  "rpc",
  "intercept",
  "leader",
  "node",
  "http",
  "listen",
  "metrics",
  "metricFamilies",
  "dns",
  "dnsBoard",
  "resolver",
  "log",
  "status",
  "plugins",
  "tasks",
  "clock",
  "time",
  "random",
];
