/**
 * The v1.Node service as Python's gRPC sees it, with stubs made from `proto/v1` by its own generator.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MeshError } from "../../core/plugin/errors.ts";
import { type NodeBackend, nodeService } from "../../core/rpc/node_service.ts";
import { RpcServer } from "../../core/rpc/server.ts";
import { ClusterStatus, Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { KeptLog } from "../core/rpc/echo_service.ts";
import { callFromPython, pythonProblem } from "./python_client.ts";

const problem = await pythonProblem();
if (problem !== undefined) console.log(`Python interoperability tests are skipped: ${problem}`);

const PUBLIC_KEY = new Uint8Array(32).fill(1).toBase64();

const backend: NodeBackend = {
  nodeIdProblem: (id) => id.includes(" ") ? "contains a space" : undefined,
  join: (request) =>
    Promise.resolve({
      response: {
        addressIpv4: request.assignIpv4 ? "172.16.0.2/12" : "",
        networkIpv6: "fd00:1::/64",
        peers: [{ id: "node-a", publicKey: PUBLIC_KEY, primaryEndpoint: "192.0.2.1", endpoints: ["2001:db8::1"] }],
      },
      trailers: { "weft-mesh-id": "mesh-1" },
    }),
  leave: (id) =>
    Promise.reject(
      new MeshError("not-leader", `Not the leader: cannot remove "${id}"`, {
        leaderAddress: "192.0.2.1:8443",
        hint: "Ask the leader.",
      }),
    ),
  status: (id) =>
    id === ""
      ? Promise.resolve({
        id: "node-a",
        uptime: "1h2m3.5s",
        startedAt: { seconds: 1_700_000_000n, nanos: 0 },
        features: [Feature.NODES, Feature.MESH_API],
        wireguardPeers: 2,
        clusterStatus: ClusterStatus.CLUSTER_LEADER,
        currentLeader: "node-a",
      })
      : Promise.reject(new Error("the database is on fire")),
};

function interopTest(name: string, fn: (address: string) => Promise<void>): void {
  Deno.test({
    name,
    ignore: problem !== undefined,
    async fn() {
      await using server = await RpcServer.start({
        tcp: { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } },
        unix: undefined,
        services: [nodeService(backend)],
        log: new KeptLog(),
      });
      await fn(`127.0.0.1:${server.port}`);
    },
  });
}

interopTest("Python: Join", async (address) => {
  const fields = { id: "node-b", public_key: PUBLIC_KEY, raft_port: 9443, assign_ipv4: true, endpoints: ["192.0.2.7"] };
  const { code, trailers, response } = await callFromPython(address, "join", fields);
  assert.equal(code, "OK");
  assert.equal(trailers["weft-mesh-id"], "mesh-1");
  assert.deepEqual(response, {
    address_ipv4: "172.16.0.2/12",
    network_ipv6: "fd00:1::/64",
    peers: [{
      id: "node-a",
      public_key: PUBLIC_KEY,
      primary_endpoint: "192.0.2.1",
      endpoints: ["2001:db8::1"],
    }],
  });
});

interopTest("Python: a Join that is not in order is INVALID_ARGUMENT", async (address) => {
  for (const id of ["", "with space", "ü "]) {
    const { code, details } = await callFromPython(address, "join", { id, public_key: PUBLIC_KEY });
    assert.equal(code, "INVALID_ARGUMENT");
    assert.match(details, id === "" ? /the node id is empty$/ : new RegExp(`node id "${id}": contains a space$`));
  }
});

interopTest("Python: GetStatus", async (address) => {
  const { code, response } = await callFromPython(address, "status");
  assert.equal(code, "OK");
  assert.deepEqual(response, {
    id: "node-a",
    uptime: "1h2m3.5s",
    started_at: "2023-11-14T22:13:20Z",
    features: ["NODES", "MESH_API"],
    wireguard_peers: 2,
    cluster_status: "CLUSTER_LEADER",
    current_leader: "node-a",
  });
});

interopTest("Python: what breaks inside is INTERNAL and tells nothing", async (address) => {
  const { code, details } = await callFromPython(address, "status", { id: "node-b" });
  assert.deepEqual([code, details], ["INTERNAL", "Internal error"]);
});

interopTest("Python: Leave on a node that does not lead names the leader", async (address) => {
  const { code, details, trailers } = await callFromPython(address, "leave", { id: "node-b" });
  assert.deepEqual([code, details], ["FAILED_PRECONDITION", 'Not the leader: cannot remove "node-b"']);
  assert.equal(trailers["leader-address"], "192.0.2.1:8443");
  assert.equal(trailers["hint"], "Ask the leader.");
});

interopTest("Python: a service that is not enabled is UNIMPLEMENTED", async (address) => {
  assert.equal((await callFromPython(address, "list-nodes")).code, "UNIMPLEMENTED");
});
