/**
 * How the list of nodes looks, as a table and as JSON.
 *
 * @module
 */
import { toJson } from "@bufbuild/protobuf";
import { ClusterStatus, type MeshNode, MeshNodeSchema } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { type Layout, renderTable } from "./format.ts";

/** The `--json` form of `weft nodes`, without the schema version: the protobuf JSON of each `v1.MeshNode`. */
export function nodesJson(nodes: readonly MeshNode[]): Record<string, unknown> {
  return { nodes: nodes.map((node) => toJson(MeshNodeSchema, node, { alwaysEmitImplicit: true })) };
}

/** The table form of `weft nodes`. */
export function nodesLines(nodes: readonly MeshNode[], layout: Layout): string[] {
  const header = ["NODE", "ROLE", "IPV4", "IPV6", "ENDPOINT", "PUBLIC KEY"];
  const rows = nodes.map((node) => [
    node.id,
    roleName(node.clusterStatus),
    node.privateIpv4,
    node.privateIpv6,
    node.primaryEndpoint,
    node.publicKey,
  ]);
  return renderTable(header, rows, layout);
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
