/**
 * The mesh as the v1 API shows it: replicated records and Raft status to messages. Pure.
 *
 * Addresses have one form everywhere: IPv4 with the mesh network's prefix length, IPv6 as the node's /64.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ClusterStatus, type MeshNodeSchema } from "../../proto/gen/v1/mesh_messages_pb.ts";
import type { JoinResponseSchema, WireguardPeerSchema } from "../../proto/gen/v1/node_messages_pb.ts";
import { Endpoint } from "../ip/endpoint.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { MeshInfo } from "../state/queries/mesh_info.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { formatHostPort } from "./config.ts";

/** What a node is in Raft, as this member knows it. */
export function clusterStatusOf(raftId: number, raft: RaftStatus): ClusterStatus {
  const { voters, votersOutgoing, learners, learnersNext } = raft.membership;
  if (raft.leader === raftId) return ClusterStatus.CLUSTER_LEADER;
  if (voters.includes(raftId) || votersOutgoing.includes(raftId)) return ClusterStatus.CLUSTER_VOTER;
  if (learners.includes(raftId) || learnersNext.includes(raftId)) return ClusterStatus.CLUSTER_NON_VOTER;
  return ClusterStatus.CLUSTER_STATUS_UNKNOWN;
}

/** The node's IPv4 address with the mesh network's prefix length, empty if it has none. */
export function ipv4Cidr(node: Pick<NodeRecord, "ipv4">, mesh: MeshInfo): string {
  return node.ipv4 ? `${node.ipv4}/${mesh.networkIpv4.bits}` : "";
}

/** The node's address inside its /64, with /64. */
export function ipv6Cidr(node: Pick<NodeRecord, "ipv6" | "networkIpv6">): string {
  return `${node.ipv6}/${node.networkIpv6.bits}`;
}

/** Where the node serves gRPC for hosts outside the mesh, `host:port`; `undefined` if it said no address. */
export function publicRpcAddress(node: NodeRecord): string | undefined {
  const address = node.primaryEndpoint ?? node.endpoints[0];
  return address && node.grpcPort !== 0 ? formatHostPort({ host: `${address}`, port: node.grpcPort }) : undefined;
}

/** Where the node serves gRPC inside the mesh, `host:port`. */
export function meshRpcAddress(node: NodeRecord): string {
  const address = node.preferRaftIpv6 ? node.ipv6 : node.ipv4 ?? node.ipv6;
  return formatHostPort({ host: `${address}`, port: node.grpcPort });
}

/** `v1.MeshNode`. */
export function meshNodeMessage(
  node: NodeRecord,
  mesh: MeshInfo,
  raft: RaftStatus,
): MessageInitShape<typeof MeshNodeSchema> {
  return {
    id: node.id,
    primaryEndpoint: node.primaryEndpoint?.toString() ?? "",
    endpoints: node.endpoints.map(String),
    raftPort: node.raftPort,
    grpcPort: node.grpcPort,
    wireguardPort: node.wireguardPort,
    publicKey: node.publicKey,
    privateIpv4: ipv4Cidr(node, mesh),
    privateIpv6: `${node.networkIpv6}`,
    updatedAt: timestampFromMs(node.updatedAtMs),
    createdAt: timestampFromMs(node.createdAtMs),
    clusterStatus: clusterStatusOf(node.raftId, raft),
  };
}

/** `v1.JoinResponse` for `node`, whose peers are all `others`. */
export function joinResponseMessage(
  node: NodeRecord,
  others: readonly NodeRecord[],
  mesh: MeshInfo,
): MessageInitShape<typeof JoinResponseSchema> {
  return {
    addressIpv4: ipv4Cidr(node, mesh),
    networkIpv6: `${node.networkIpv6}`,
    peers: others.map((other) => wireguardPeerMessage(other, mesh)),
  };
}

function wireguardPeerMessage(node: NodeRecord, mesh: MeshInfo): MessageInitShape<typeof WireguardPeerSchema> {
  const endpoint = (address: NodeRecord["endpoints"][number]) => `${Endpoint.of(address, node.wireguardPort)}`;
  return {
    id: node.id,
    publicKey: node.publicKey,
    primaryEndpoint: node.primaryEndpoint ? endpoint(node.primaryEndpoint) : "",
    endpoints: node.endpoints.map(endpoint),
    addressIpv4: ipv4Cidr(node, mesh),
    addressIpv6: `${node.networkIpv6}`,
  };
}
