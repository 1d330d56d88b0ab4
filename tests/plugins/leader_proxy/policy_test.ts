import assert from "node:assert/strict";
import { Admin } from "../../../proto/gen/v1/admin_pb.ts";
import { Mesh } from "../../../proto/gen/v1/mesh_pb.ts";
import { Node } from "../../../proto/gen/v1/node_pb.ts";
import { PeerDiscovery } from "../../../proto/gen/v1/peer_discovery_pb.ts";
import { WebRTC } from "../../../proto/gen/v1/webrtc_pb.ts";
import type { RpcCall, RpcPeer } from "../../../core/plugin/rpc.ts";
import { policyOf, type Route, routeOf } from "../../../plugins/leader_proxy/policy.ts";

const PEER: RpcPeer = { address: "192.0.2.1:1", transport: "plaintext", identity: undefined };

function route(
  path: string,
  metadata: Record<string, string> = {},
  changes: Partial<RpcCall> = {},
  peer = PEER,
): Route {
  const context: RpcCall["context"] = {
    methodPath: path,
    peer,
    metadata: new Map(Object.entries(metadata)),
    deadlineWallMs: Infinity,
    signal: new AbortController().signal,
    sendInitialMetadata() {},
    setTrailer() {},
  };
  async function* requests(): AsyncGenerator<Uint8Array> {}
  return routeOf({ context, kind: "unary", authorisation: "public", isServed: true, requests: requests(), ...changes });
}

Deno.test("policyOf: every method of the v1 API", () => {
  const policies = [Node, Mesh, Admin, PeerDiscovery, WebRTC].flatMap(({ typeName, methods }) =>
    methods.map(({ name }) => `${typeName}/${name} ${policyOf(`/${typeName}/${name}`)}`)
  );
  assert.deepEqual(policies, [
    "v1.Node/Join require-leader",
    "v1.Node/Leave require-leader",
    "v1.Node/GetStatus require-local",
    "v1.Node/NegotiateDataChannel require-local",
    "v1.Mesh/GetNode allow-non-leader",
    "v1.Mesh/ListNodes allow-non-leader",
    "v1.Admin/PutRaftACL require-leader",
    "v1.Admin/DeleteRaftACL require-leader",
    "v1.Admin/GetRaftACL allow-non-leader",
    "v1.Admin/ListRaftACLs allow-non-leader",
    "v1.PeerDiscovery/ListPeers allow-non-leader",
    "v1.WebRTC/StartDataChannel allow-non-leader",
  ]);
  assert.equal(policyOf("/grpc.health.v1.Health/Watch"), "require-local");
  assert.equal(policyOf("/lunch_menu.LunchMenu/Cook"), "allow-non-leader");
});

Deno.test("routeOf: what the caller wants counts where the method allows it", () => {
  const prefer = { "prefer-leader": "true" };
  assert.equal(route("/v1.Node/Join"), "leader");
  assert.equal(route("/v1.Node/GetStatus", { ...prefer, "read-consistency": "weak" }), "here");
  assert.equal(route("/v1.Mesh/GetNode"), "here-or-leader");
  assert.equal(route("/v1.Mesh/GetNode", prefer), "leader-or-here");
  assert.equal(route("/v1.Mesh/GetNode", { "prefer-leader": "True" }), "here-or-leader");
  assert.equal(route("/v1.Mesh/GetNode", { "read-consistency": "linearizable" }), "here-or-leader");
  assert.equal(route("/v1.Mesh/GetNode", { "read-consistency": "strong" }), "leader");
  assert.equal(route("/v1.Mesh/GetNode", { ...prefer, "read-consistency": "?" }), "here-or-leader");
  assert.equal(route("/a.B/C", prefer, { authorisation: "local" }), "here");
});

Deno.test("routeOf: what this node does not serve", () => {
  assert.equal(route("/v1.Admin/PutRaftACL", {}, { isServed: false }), "leader");
  assert.equal(route("/v1.Mesh/GetNode", {}, { isServed: false }), "here");
  assert.equal(route("/v1.Mesh/GetNode", { "prefer-leader": "true" }, { isServed: false }), "leader");
});

Deno.test("routeOf: a stranger gets no writes in this node's name", () => {
  const strong = { "read-consistency": "strong" };
  const stranger: RpcPeer = { ...PEER, transport: "tls" };
  assert.equal(route("/v1.Mesh/GetNode", strong, {}, stranger), "here-or-leader");
  assert.equal(route("/v1.Mesh/GetNode", strong, {}, { ...stranger, identity: "ada" }), "leader");
});
