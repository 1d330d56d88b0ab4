/**
 * Which nodes others can join through, as `v1.PeerDiscovery` lists them. Pure.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { clusterStatusOf, type NodeRecord, publicRpcAddress, type RaftStatus } from "../../core/mod.ts";
import { ClusterStatus } from "../../proto/gen/v1/mesh_messages_pb.ts";
import type { RaftPeerSchema } from "../../proto/gen/v1/peer_discovery_pb.ts";

/** The nodes that told where others reach their gRPC, in the order in which they came; IPv6 addresses have brackets. */
export function publicPeers(nodes: readonly NodeRecord[], raft: RaftStatus): MessageInitShape<typeof RaftPeerSchema>[] {
  return nodes.flatMap((node) => {
    const address = publicRpcAddress(node);
    if (address === undefined) return [];
    const status = clusterStatusOf(node.raftId, raft);
    const isLeader = status === ClusterStatus.CLUSTER_LEADER;
    return [{ id: node.id, address, voter: isLeader || status === ClusterStatus.CLUSTER_VOTER, leader: isLeader }];
  });
}
