/**
 * The WireGuard peers of a node: every other node of the mesh (a full mesh).
 *
 * @module
 */
import type { StateReader } from "../apply.ts";
import { NODE_RECORD_SQL, type NodeRecord, nodeRecords } from "./node_record.ts";
import { schemaRows } from "./schema_version.ts";

/** Another node, as far as the tunnel to it and the answer to Join need it. */
export interface Peer extends
  Pick<
    NodeRecord,
    "publicKey" | "primaryEndpoint" | "endpoints" | "wireguardPort" | "raftPort" | "grpcPort" | "ipv4" | "ipv6"
  > {
  readonly nodeId: string;
  /** CIDR texts: its /64 and, if it has one, its IPv4 address as /32. */
  readonly allowedIps: readonly string[];
}

const SQL = `${NODE_RECORD_SQL} WHERE n.id <> :id ORDER BY n.id`;

/** All nodes but `nodeId`, ordered by id; all when `nodeId` is not in the mesh. */
export function peersForNode(reader: StateReader, nodeId: string): Peer[] {
  return nodeRecords(schemaRows(reader, SQL, { id: nodeId })).map(peer);
}

function peer(node: NodeRecord): Peer {
  const { publicKey, primaryEndpoint, endpoints, wireguardPort, raftPort, grpcPort, ipv4, ipv6 } = node;
  const allowedIps = ipv4 ? [`${node.networkIpv6}`, `${ipv4}/32`] : [`${node.networkIpv6}`];
  return {
    nodeId: node.id,
    publicKey,
    primaryEndpoint,
    endpoints,
    wireguardPort,
    raftPort,
    grpcPort,
    ipv4,
    ipv6,
    allowedIps,
  };
}
