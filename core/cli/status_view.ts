/**
 * How a node's status looks, as text and as JSON. Everything in it may come from another node, and is not trusted.
 *
 * @module
 */
import { toJson } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { StatusSchema } from "../../proto/gen/v1/node_messages_pb.ts";
import type { NodeStatus, PeerStatus } from "../../proto/gen/weft/v1/control_pb.ts";
import { healthJson, healthLines, pluginsJson } from "./plugins_view.ts";
import { formatAge, formatBytes, type Layout, printable, renderTable } from "./format.ts";

/** The `--json` form of `weft status`, without the schema version. */
export function statusJson(status: NodeStatus): Record<string, unknown> {
  const base = status.status ? toJson(StatusSchema, status.status, { alwaysEmitImplicit: true }) : {};
  const { addresses, raft } = status;
  return {
    ...(typeof base === "object" && base !== null && !Array.isArray(base) ? base : {}),
    addresses: {
      ipv4: addresses?.ipv4 ?? "",
      ipv6: addresses?.ipv6 ?? "",
      networkIpv4: addresses?.networkIpv4 ?? "",
      networkIpv6: addresses?.networkIpv6 ?? "",
      interface: addresses?.interface ?? "",
      mtu: addresses?.mtu ?? 0,
      wireguardPort: addresses?.wireguardPort ?? 0,
      raftPort: addresses?.raftPort ?? 0,
      grpcPort: addresses?.grpcPort ?? 0,
      publicKey: addresses?.publicKey ?? "",
      primaryEndpoint: addresses?.primaryEndpoint ?? "",
      endpoints: addresses?.endpoints ?? [],
    },
    raft: {
      role: raft?.role ?? "",
      leader: raft?.leader ?? "",
      term: Number(raft?.term ?? 0),
      commitIndex: Number(raft?.commitIndex ?? 0),
      appliedIndex: Number(raft?.appliedIndex ?? 0),
      stateHash: raft?.stateHash ?? "",
      quarantine: raft?.quarantine ?? "",
      members: (raft?.members ?? []).map(({ id, raftId, voter }) => ({ id, raftId: Number(raftId), voter })),
    },
    peers: status.peers.map(peerJson),
    plugins: pluginsJson(status.plugins),
    health: healthJson(status.health),
  };
}

function peerJson(peer: PeerStatus): Record<string, unknown> {
  return {
    id: peer.id,
    publicKey: peer.publicKey,
    ipv4: peer.ipv4,
    ipv6: peer.ipv6,
    endpoint: peer.endpoint,
    allowedIps: peer.allowedIps,
    lastHandshake: peer.lastHandshake ? new Date(timestampMs(peer.lastHandshake)).toISOString() : null,
    rxBytes: Number(peer.rxBytes),
    txBytes: Number(peer.txBytes),
  };
}

/** Characters of the state hash that the text form shows: enough to compare by eye. */
const HASH_CHARACTERS = 16;

/**
 * The text form of `weft status`.
 *
 * @param wallMs Now, for handshake ages.
 */
export function statusLines(status: NodeStatus, wallMs: number, layout: Layout): string[] {
  const health = [...status.health, ...status.plugins.flatMap((plugin) => plugin.health)];
  const warnings = [...quarantineLines(status, layout), ...healthLines(health, layout)];
  const lines = [headLine(status, layout), ...factLines(status), ...warnings, ""];
  if (status.peers.length === 0) {
    return [...lines, layout.style.dim("no peers yet: run `weft run --join` on another machine")];
  }
  const header = ["PEER", "IPV4", "IPV6", "ENDPOINT", "HANDSHAKE", "RX", "TX"];
  return [...lines, ...renderTable(header, status.peers.map((peer) => peerRow(peer, wallMs)), layout)];
}

function headLine({ status, raft }: NodeStatus, { style }: Layout): string {
  const members = raft?.members ?? [];
  const voterCount = members.filter((member) => member.voter).length;
  return [
    style.bold(field(status?.id)),
    raft?.role === "leader" ? style.green("leader") : field(raft?.role),
    raft?.leader ? `leader ${field(raft.leader)}` : style.red("no leader"),
    `term ${raft?.term ?? 0}`,
    `${count(members.length, "member")}, ${count(voterCount, "voter")}`,
    `up ${field(status?.uptime)}`,
  ].join("  ");
}

function factLines({ addresses, raft }: NodeStatus): string[] {
  const own = [addresses?.ipv4, addresses?.ipv6].filter((text) => text).map(field);
  const hash = field(raft?.stateHash.slice(0, HASH_CHARACTERS));
  return [
    `addresses  ${own.join("  ") || "-"}`,
    `interface  ${field(addresses?.interface)}  mtu ${addresses?.mtu ?? 0}  udp ${addresses?.wireguardPort ?? 0}`,
    `raft       commit ${raft?.commitIndex ?? 0}  applied ${raft?.appliedIndex ?? 0}  state ${hash}`,
  ];
}

function quarantineLines({ raft }: NodeStatus, { style }: Layout): string[] {
  return raft?.quarantine ? [style.red(`quarantine ${field(raft.quarantine)}`)] : [];
}

function peerRow(peer: PeerStatus, wallMs: number): string[] {
  return [
    peer.id || peer.publicKey,
    peer.ipv4,
    peer.ipv6,
    peer.endpoint,
    peer.lastHandshake ? formatAge(wallMs - timestampMs(peer.lastHandshake)) : "never",
    formatBytes(Number(peer.rxBytes)),
    formatBytes(Number(peer.txBytes)),
  ];
}

function field(text: string | undefined): string {
  return printable(text ?? "") || "-";
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
