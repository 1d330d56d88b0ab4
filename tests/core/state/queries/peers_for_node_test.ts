import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { peersForNode } from "../../../../core/state/queries/peers_for_node.ts";
import { newMesh, publicKey, readable } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("peersForNode: every other node with key, endpoints, ports and allowed IPs", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  mesh.join(2, { assignIpv4: false, primaryEndpoint: undefined, endpoints: [], wireguardPort: 7 });
  const peers = mesh.machine.read((reader) => peersForNode(reader, "node-0"));
  assert.deepEqual(readable(peers), [
    {
      nodeId: "node-1",
      publicKey: publicKey(1),
      primaryEndpoint: "192.0.2.1",
      endpoints: ["192.0.2.1", "2001:db8::1"],
      wireguardPort: 51820,
      raftPort: 9443,
      grpcPort: 8443,
      ipv4: "172.16.0.2",
      ipv6: "fd12:3456:789a:2::1",
      allowedIps: ["fd12:3456:789a:2::/64", "172.16.0.2/32"],
    },
    {
      nodeId: "node-2",
      publicKey: publicKey(2),
      primaryEndpoint: undefined,
      endpoints: [],
      wireguardPort: 7,
      raftPort: 9443,
      grpcPort: 8443,
      ipv4: undefined,
      ipv6: "fd12:3456:789a:3::1",
      allowedIps: ["fd12:3456:789a:3::/64"],
    },
  ]);
});

Deno.test("peersForNode: a node that is not in the mesh sees everybody", () => {
  using mesh = newMesh(engine);
  assert.deepEqual(mesh.machine.read((reader) => peersForNode(reader, "x")).map(({ nodeId }) => nodeId), ["node-0"]);
  assert.deepEqual(mesh.machine.read((reader) => peersForNode(reader, "node-0")), []);
});
