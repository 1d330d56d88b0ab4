/**
 * How a node's status and the list of nodes look, as tables and as JSON.
 *
 * @module
 */
import { toJson } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { ClusterStatus, type MeshNode, MeshNodeSchema } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { StatusSchema } from "../../proto/gen/v1/node_messages_pb.ts";
import type { NodeStatus, PeerStatus } from "../../proto/gen/weft/v1/control_pb.ts";
import { formatAge, formatBytes, printable, renderTable, type Style } from "./format.ts";

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
      members: (raft?.members ?? []).map(({ id, raftId, voter }) => ({ id, raftId: Number(raftId), voter })),
    },
    peers: status.peers.map(peerJson),
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

/**
 * The table form of `weft status`.
 *
 * @param wallMs Now, for handshake ages.
 */
export function statusLines(status: NodeStatus, wallMs: number, style: Style): string[] {
  const { addresses, raft } = status;
  const role = raft?.role === "leader" ? style.green("leader") : raft?.role || "unknown role";
  const voters = raft?.members.filter((member) => member.voter).length ?? 0;
  const leader = raft?.leader ? printable(raft.leader) : style.red("none");
  const lines = [
    `${style.bold(printable(status.status?.id ?? ""))}  ${role}  leader ${leader}  term ${raft?.term ?? 0}  ` +
    `${count(raft?.members.length ?? 0, "member")}, ${count(voters, "voter")}  up ${status.status?.uptime ?? ""}`,
    `addresses  ${[addresses?.ipv4, addresses?.ipv6].filter((text) => text).join("  ") || "-"}`,
    `interface  ${addresses?.interface ?? ""}  mtu ${addresses?.mtu ?? 0}  udp ${addresses?.wireguardPort ?? 0}`,
    `raft       commit ${raft?.commitIndex ?? 0}  applied ${raft?.appliedIndex ?? 0}  state ${
      raft?.stateHash.slice(0, 16) ?? ""
    }`,
    "",
  ];
  if (status.peers.length === 0) return [...lines, style.dim("no peers yet: run `weft run --join` on another machine")];
  const header = ["PEER", "IPV4", "IPV6", "ENDPOINT", "HANDSHAKE", "RX", "TX"];
  return [...lines, ...renderTable(header, status.peers.map((peer) => peerRow(peer, wallMs)), style)];
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

/** The `--json` form of `weft nodes`, without the schema version. */
export function nodesJson(nodes: readonly MeshNode[]): Record<string, unknown> {
  return { nodes: nodes.map((node) => toJson(MeshNodeSchema, node, { alwaysEmitImplicit: true })) };
}

/** The table form of `weft nodes`. */
export function nodesLines(nodes: readonly MeshNode[], style: Style): string[] {
  const header = ["NODE", "ROLE", "IPV4", "IPV6", "ENDPOINT", "PUBLIC KEY"];
  const rows = nodes.map((node) => [
    node.id,
    roleName(node.clusterStatus),
    node.privateIpv4,
    node.privateIpv6,
    node.primaryEndpoint,
    node.publicKey,
  ]);
  return renderTable(header, rows, style);
}

function roleName(status: ClusterStatus): string {
  switch (status) {
    case ClusterStatus.CLUSTER_LEADER:
      return "leader";
    case ClusterStatus.CLUSTER_VOTER:
      return "voter";
    case ClusterStatus.CLUSTER_NON_VOTER:
      return "non-voter";
    default:
      return "unknown";
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
