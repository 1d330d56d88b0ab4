import assert from "node:assert/strict";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { formatHostPort, formatJoinServer, parseJoinServer } from "../../../core/node/config.ts";
import { DISCOVERED_COUNT_MAX, discoverPeers, serversOf } from "../../../core/node/discover.ts";
import {
  type ListRaftPeersResponse,
  ListRaftPeersResponseSchema,
  PeerDiscovery,
  type RaftPeerSchema,
} from "../../../proto/gen/v1/peer_discovery_pb.ts";
import { EchoPair } from "../rpc/echo_service.ts";

function answer(...peers: MessageInitShape<typeof RaftPeerSchema>[]): ListRaftPeersResponse {
  return create(ListRaftPeersResponseSchema, { peers });
}

Deno.test("serversOf: the leader first, then voters, each once, and no nonsense", () => {
  const servers = serversOf(answer(
    { address: "192.0.2.3:8443" },
    { address: "192.0.2.2:8443", voter: true },
    { address: "[2001:db8::1]:8443", voter: true, leader: true },
    { address: "192.0.2.2:8443" },
    { address: ":8443", leader: true },
    { address: "192.0.2.4:0", leader: true },
    { address: "2001:db8::1:8443" },
    { address: "" },
  ));
  assert.deepEqual(servers.map(formatHostPort), ["[2001:db8::1]:8443", "192.0.2.2:8443", "192.0.2.3:8443"]);
});

Deno.test("serversOf: a list that is too long is cut", () => {
  const peers = Array.from({ length: DISCOVERED_COUNT_MAX + 1 }, (_, i) => ({ address: `192.0.2.${i + 1}:8443` }));
  assert.equal(serversOf(answer(...peers)).length, DISCOVERED_COUNT_MAX);
});

Deno.test("parseJoinServer: with and without discovery, and back", () => {
  for (const text of ["192.0.2.1:8443", "discover://mesh.example:443", "discover://[2001:db8::1]:8443"]) {
    const server = parseJoinServer(text);
    assert(server, text);
    assert.equal(formatJoinServer(server), text);
  }
  for (
    const text of ["discover://", "discover://:8443", ":8443", "x:0", "http://x:1", "discover:x:1", "discover://x"]
  ) {
    assert.equal(parseJoinServer(text), undefined, text);
  }
});

Deno.test("discoverPeers: asks a node, and says what is wrong with it", async () => {
  const peers = [{ id: "a", address: "192.0.2.1:8443", voter: true, leader: true }];
  const handle = () => Promise.resolve({ peers: peers.splice(0) });
  const service = { service: PeerDiscovery, methods: { listPeers: { authorisation: "public", handle } } } as const;
  await using pair = await EchoPair.start({ services: [service] });
  const { signal } = new AbortController();
  const ask = () => discoverPeers({ host: "127.0.0.1", port: pair.server.port }, { kind: "insecure" }, signal);
  assert.deepEqual((await ask()).map(formatHostPort), ["192.0.2.1:8443"]);
  await assert.rejects(ask(), { reason: "not-found" });
  await using other = await EchoPair.start();
  const wrong = discoverPeers({ host: "127.0.0.1", port: other.server.port }, { kind: "insecure" }, signal);
  await assert.rejects(wrong, { reason: "unimplemented" });
});
