/**
 * The Raft members that the replicated state asks for, and where they are reached.
 *
 * @module
 */
import type { IpAddress } from "../../ip/address.ts";
import type { StateReader } from "../apply.ts";
import { NODE_RECORD_SQL, type NodeRecord, nodeRecords } from "./node_record.ts";
import { schemaRows } from "./schema_version.ts";

/** A node as a Raft member. */
export interface RaftMember {
  /** Its number in Raft. */
  readonly raftId: number;
  readonly nodeId: string;
  /** What it asked for; the Raft ACLs have the last word (`voteVerdict`). */
  readonly wantsVote: boolean;
  readonly raftInstance: string;
  readonly raftPort: number;
  /** Inside the tunnel: its IPv4 unless it has none or prefers IPv6. */
  readonly meshAddress: IpAddress;
  /** Outside of the tunnel, for as long as that is not up; the primary one first, each once. */
  readonly underlayAddresses: readonly IpAddress[];
}

const SQL = `${NODE_RECORD_SQL} ORDER BY n.raft_id`;

/** All nodes, ordered by their number in Raft. */
export function raftMembers(reader: StateReader): RaftMember[] {
  return nodeRecords(schemaRows(reader, SQL)).map(raftMember);
}

function raftMember(node: NodeRecord): RaftMember {
  return {
    raftId: node.raftId,
    nodeId: node.id,
    wantsVote: node.wantsVote,
    raftInstance: node.raftInstance,
    raftPort: node.raftPort,
    meshAddress: node.preferRaftIpv6 ? node.ipv6 : node.ipv4 ?? node.ipv6,
    underlayAddresses: underlayAddresses(node),
  };
}

function underlayAddresses(node: NodeRecord): IpAddress[] {
  const all = node.primaryEndpoint ? [node.primaryEndpoint, ...node.endpoints] : node.endpoints;
  return [...new Map(all.map((address) => [address.toString(), address])).values()];
}
