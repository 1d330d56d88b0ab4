import assert from "node:assert/strict";
import { create, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { PLAIN_LAYOUT } from "../../../core/cli/format.ts";
import { nodesJson, nodesLines } from "../../../core/cli/nodes_view.ts";
import { ClusterStatus, type MeshNode, MeshNodeSchema } from "../../../proto/gen/v1/mesh_messages_pb.ts";

function node(fields: MessageInitShape<typeof MeshNodeSchema>): MeshNode {
  return create(MeshNodeSchema, fields);
}

const NAS = node({
  id: "nas",
  primaryEndpoint: "203.0.113.1",
  endpoints: ["2001:db8::1"],
  raftPort: 9443,
  grpcPort: 8443,
  wireguardPort: 51820,
  publicKey: "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
  privateIpv4: "172.16.0.1/12",
  privateIpv6: "fd00:1:2:1::/64",
  updatedAt: timestampFromMs(1_767_323_045_678),
  createdAt: timestampFromMs(1_767_323_045_000),
  clusterStatus: ClusterStatus.CLUSTER_LEADER,
});

Deno.test("nodesJson: the protobuf JSON of each node, nothing left out, in the node's order", () => {
  assert.deepEqual(nodesJson([NAS]), {
    nodes: [{
      id: "nas",
      primaryEndpoint: "203.0.113.1",
      endpoints: ["2001:db8::1"],
      raftPort: 9443,
      grpcPort: 8443,
      wireguardPort: 51820,
      publicKey: "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
      privateIpv4: "172.16.0.1/12",
      privateIpv6: "fd00:1:2:1::/64",
      updatedAt: "2026-01-02T03:04:05.678Z",
      createdAt: "2026-01-02T03:04:05Z",
      clusterStatus: "CLUSTER_LEADER",
    }],
  });
  assert.deepEqual(nodesJson([]), { nodes: [] });
  const { nodes } = nodesJson([node({ id: "b" }), node({ id: "a" })]) as { nodes: { id: string }[] };
  assert.deepEqual(nodes.map(({ id }) => id), ["b", "a"]);
  assert.deepEqual(nodes[0], toJson(MeshNodeSchema, node({ id: "b" }), { alwaysEmitImplicit: true }));
});

Deno.test("nodesLines: a row per node with its role in words", () => {
  const roles: [ClusterStatus, string][] = [
    [ClusterStatus.CLUSTER_LEADER, "leader"],
    [ClusterStatus.CLUSTER_VOTER, "voter"],
    [ClusterStatus.CLUSTER_NON_VOTER, "non-voter"],
    [ClusterStatus.CLUSTER_STATUS_UNKNOWN, "unknown"],
    [99 as ClusterStatus, "unknown"],
  ];
  const lines = nodesLines(
    roles.map(([clusterStatus], index) => node({ id: `n${index}`, clusterStatus })),
    PLAIN_LAYOUT,
  );
  assert.deepEqual(lines.slice(1).map((line) => line.split(/ +/)[1]), roles.map(([, name]) => name));
  assert.deepEqual(nodesLines([NAS], PLAIN_LAYOUT), [
    "NODE  ROLE    IPV4           IPV6             ENDPOINT     PUBLIC KEY",
    "nas   leader  172.16.0.1/12  fd00:1:2:1::/64  203.0.113.1  hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
  ]);
});
