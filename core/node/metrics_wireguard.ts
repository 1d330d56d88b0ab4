/**
 * The WireGuard device and its peers. All comes from one question to the packet worker per scrape, which answers from the
 * counters that it keeps anyway.
 *
 * Peers are named by their node, never by key or address: what is exposed may be read by strangers.
 *
 * @module
 */
import type { DeviceStatus } from "../dataplane/data_plane.ts";
import type { LabelValues, Sample } from "../plugin/metrics.ts";
import type { MetricRegistry } from "./metric_registry.ts";
import type { Running } from "./running.ts";
import { singleFlight } from "./single_flight.ts";

/** Peers with series of their own, the first by name; what is added up over the others goes to `other`. */
export const PEER_SERIES_MAX = 200;
const OTHER = "other";
const UNKNOWN = "unknown";
/** A session ends this long after its handshake (whitepaper §6.1, Reject-After-Time), in milliseconds. */
const SESSION_MS = 180_000;

/** What is needed of the node. */
export type WireguardNode = Pick<Running, "nodes"> & {
  readonly parts: Pick<Running["parts"], "tunnel" | "clock">;
};

type Peer = DeviceStatus["peers"][number];
/** A peer and the name of its node. */
export type NamedPeer = Peer & { readonly name: string };

/** Declares the families. */
export function wireguardMetrics(registry: MetricRegistry, running: WireguardNode): void {
  const own = registry.declare("weft_wireguard_");
  const { tunnel, clock } = running.parts;
  const device = singleFlight(async () => {
    const status = await tunnel.status();
    return { ...status, peers: namedPeers(status.peers, running.nodes()) };
  });
  const labels = ["interface"] as const;
  const whole = (valueOf: (peers: readonly NamedPeer[], status: DeviceStatus) => number) => async () => {
    const status = await device();
    return [{ labels: { interface: tunnel.interfaceName }, value: valueOf(status.peers, status) }];
  };
  const isConnected = ({ lastHandshakeWallMs }: Peer) =>
    lastHandshakeWallMs !== undefined && clock.wallMs() - lastHandshakeWallMs < SESSION_MS;
  own.collect("gauge", { name: "peers", help: "Peers of the interface.", labels }, whole((peers) => peers.length));
  own.collect(
    "gauge",
    { name: "connected_peers", help: "Peers with a handshake in the last three minutes.", labels },
    whole((peers) => peers.filter(isConnected).length),
  );
  own.collect(
    "counter",
    { name: "received_bytes_total", help: "Bytes of datagrams from all peers.", labels },
    whole((peers) => sumOf(peers, ({ rxBytes }) => rxBytes)),
  );
  own.collect(
    "counter",
    { name: "sent_bytes_total", help: "Bytes of datagrams to all peers.", labels },
    whole((peers) => sumOf(peers, ({ txBytes }) => txBytes)),
  );
  own.collect(
    "counter",
    { name: "worker_restarts_total", help: "How often the packet worker was started anew.", labels },
    whole((_, { restartCount }) => restartCount),
  );
  own.collect(
    "counter",
    { name: "dropped_packets_total", help: "Packets that went no further, by reason.", labels: ["reason"] },
    async () => Object.entries((await device()).drops).map(([reason, value]) => ({ labels: { reason }, value })),
  );
  handshakeMetrics(registry, device);
  const perPeer = (valueOf: (peer: Peer) => number) => async () => peerSamples((await device()).peers, valueOf);
  own.collect(
    "counter",
    { name: "peer_received_bytes_total", help: "Bytes of datagrams from a node.", labels: ["peer"] },
    perPeer(({ rxBytes }) => rxBytes),
  );
  own.collect(
    "counter",
    { name: "peer_sent_bytes_total", help: "Bytes of datagrams to a node.", labels: ["peer"] },
    perPeer(({ txBytes }) => txBytes),
  );
  own.collect(
    "gauge",
    {
      name: "peer_last_handshake_seconds",
      help: "When the last handshake with a node was, since 1970; absent if there was none.",
      labels: ["peer"],
    },
    async () =>
      (await device()).peers.slice(0, PEER_SERIES_MAX).flatMap(({ name, lastHandshakeWallMs }) =>
        lastHandshakeWallMs === undefined || name === UNKNOWN
          ? []
          : [{ labels: { peer: name }, value: lastHandshakeWallMs / 1000 }]
      ),
  );
}

function handshakeMetrics(registry: MetricRegistry, device: () => Promise<DeviceStatus>): void {
  const own = registry.declare("weft_wireguard_");
  const counter = (name: string, help: string, valueOf: (counts: DeviceStatus["handshakes"]) => number) =>
    own.collect(
      "counter",
      { name, help },
      async () => [{ labels: {}, value: valueOf((await device()).handshakes) }],
    );
  counter(
    "handshake_initiations_sent_total",
    "Handshakes that this node tried to begin, each attempt again.",
    ({ initiationsSent }) => initiationsSent,
  );
  counter(
    "handshake_responses_sent_total",
    "Handshakes of peers that this node answered.",
    ({ responsesSent }) => responsesSent,
  );
  own.collect(
    "counter",
    { name: "handshakes_completed_total", help: "Handshakes that gave a session, by who began.", labels: ["began"] },
    async () => {
      const { completedAsInitiator, completedAsResponder } = (await device()).handshakes;
      return [
        { labels: { began: "here" }, value: completedAsInitiator },
        { labels: { began: "there" }, value: completedAsResponder },
      ];
    },
  );
  counter(
    "handshakes_failed_total",
    "Handshakes that were given up because nobody answered for 90 seconds.",
    ({ givenUp }) => givenUp,
  );
  counter(
    "cookie_replies_sent_total",
    "Handshakes that got a cookie for an answer because of load.",
    ({ cookiesSent }) => cookiesSent,
  );
  counter(
    "cookie_replies_received_total",
    "Handshakes to which a peer answered with a cookie because of its load.",
    ({ cookiesReceived }) => cookiesReceived,
  );
  own.collect(
    "gauge",
    { name: "is_under_load", help: "1 while handshakes without a cookie are not answered." },
    async () => [{ labels: {}, value: Number((await device()).isUnderLoad) }],
  );
}

/** The peers with the names of their nodes, by name. */
export function namedPeers(
  peers: readonly Peer[],
  nodes: readonly { readonly publicKey: string; readonly id: string }[],
): NamedPeer[] {
  const byKey = new Map(nodes.map(({ publicKey, id }) => [publicKey, id]));
  return peers.map((peer) => ({ ...peer, name: byKey.get(peer.publicKey) ?? UNKNOWN }))
    .sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** A sample for each of the first {@linkcode PEER_SERIES_MAX} peers, and one for all others together. */
export function peerSamples(peers: readonly NamedPeer[], valueOf: (peer: Peer) => number): Sample<"peer">[] {
  const samples = peers.slice(0, PEER_SERIES_MAX).map((peer) => ({
    labels: peerLabel(peer.name),
    value: valueOf(peer),
  }));
  const others = peers.slice(PEER_SERIES_MAX);
  return others.length === 0 ? samples : [...samples, { labels: peerLabel(OTHER), value: sumOf(others, valueOf) }];
}

function peerLabel(peer: string): LabelValues<"peer"> {
  return { peer };
}

function sumOf(peers: readonly Peer[], valueOf: (peer: Peer) => number): number {
  return peers.reduce((sum, peer) => sum + valueOf(peer), 0);
}
