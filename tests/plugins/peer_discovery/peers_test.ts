import assert from "node:assert/strict";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import type { RaftStatus } from "../../../core/raft/status.ts";
import type { NodeRecord } from "../../../core/state/queries/node_record.ts";
import { publicPeers } from "../../../plugins/peer_discovery/peers.ts";

const MESH_IPV6 = IpAddress.parse("fd00::1");
const MESH_NETWORK = Prefix.parse("fd00::/64");

function node(raftId: number, changes: Partial<NodeRecord>): NodeRecord {
  assert(MESH_IPV6 && MESH_NETWORK);
  return {
    id: `n${raftId}`,
    publicKey: "",
    raftId,
    raftInstance: "",
    raftPort: 9443,
    grpcPort: 8443,
    wireguardPort: 51820,
    primaryEndpoint: undefined,
    endpoints: [],
    wantsVote: true,
    preferRaftIpv6: false,
    createdAtMs: 0,
    updatedAtMs: 0,
    ipv4: undefined,
    ipv6: MESH_IPV6,
    networkIpv6: MESH_NETWORK,
    ...changes,
  };
}

function ip(text: string): IpAddress {
  const address = IpAddress.parse(text);
  assert(address, text);
  return address;
}

function raft(leader: number): RaftStatus {
  return {
    id: 1,
    role: leader === 1 ? "leader" : "follower",
    leader,
    hardState: { term: 1, vote: 0, commit: 1 },
    appliedIndex: 1,
    firstIndex: 1,
    lastIndex: 1,
    membership: { voters: [1, 2], learners: [3], votersOutgoing: [], learnersNext: [], autoLeave: false },
    transferee: 0,
    pendingReadsCount: 0,
    peers: [],
  };
}

Deno.test("publicPeers: who told an address, IPv6 in brackets, with its part in Raft", () => {
  const nodes = [
    node(1, { primaryEndpoint: ip("2001:db8::1") }),
    node(2, { primaryEndpoint: ip("192.0.2.2"), grpcPort: 443 }),
    node(3, { endpoints: [ip("2001:db8::3"), ip("192.0.2.3")] }),
    node(4, {}),
    node(5, { primaryEndpoint: ip("192.0.2.5"), grpcPort: 0 }),
  ];
  assert.deepEqual(publicPeers(nodes, raft(1)), [
    { id: "n1", address: "[2001:db8::1]:8443", voter: true, leader: true },
    { id: "n2", address: "192.0.2.2:443", voter: true, leader: false },
    { id: "n3", address: "[2001:db8::3]:8443", voter: false, leader: false },
  ]);
  assert.equal(publicPeers(nodes, raft(0)).some(({ leader }) => leader), false, "without a leader the list is there");
});
