/**
 * Tests for `core/rpc/node_service.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { MeshError } from "../../../core/plugin/errors.ts";
import { JOIN_ENDPOINTS_MAX } from "../../../core/rpc/limits.ts";
import { type NodeBackend, nodeService } from "../../../core/rpc/node_service.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { JoinRequestSchema } from "../../../proto/gen/v1/node_messages_pb.ts";
import { Node } from "../../../proto/gen/v1/node_pb.ts";
import { EchoPair, streamOf } from "./echo_service.ts";

const { join, leave, getStatus, negotiateDataChannel } = Node.method;

type Join = MessageInitShape<typeof JoinRequestSchema>;

/** Not a key anybody has: 32 bytes of 1. */
const PUBLIC_KEY = new Uint8Array(32).fill(1).toBase64();
const VALID = { id: "node-b", publicKey: PUBLIC_KEY } as const;

/** A backend that notes what reaches it. */
class NotingBackend implements NodeBackend {
  readonly calls: string[] = [];

  nodeIdProblem(id: string): string | undefined {
    return id.length > 10 ? "longer than 10 characters" : undefined;
  }

  join(request: Parameters<NodeBackend["join"]>[0]): ReturnType<NodeBackend["join"]> {
    this.calls.push(`join ${JSON.stringify(toJson(JoinRequestSchema, request))}`);
    return Promise.resolve({
      response: {
        addressIpv4: "172.16.0.2/12",
        networkIpv6: "fd00:1::/64",
        peers: [{ id: "a", publicKey: PUBLIC_KEY }],
      },
      trailers: { "weft-mesh-id": "m", "weft-raft-id": "7" },
    });
  }

  leave(id: string): Promise<void> {
    this.calls.push(`leave ${id}`);
    return Promise.resolve();
  }

  status(id: string): Promise<{ id: string }> {
    this.calls.push(`status ${id}`);
    return id === "nobody"
      ? Promise.reject(new MeshError("not-found", "No such node"))
      : Promise.resolve({ id: id || "me" });
  }
}

/** What a call failed with. */
async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(() => undefined, (error: unknown) => error);
  assert(error instanceof RpcError, `expected an RpcError, got ${error}`);
  return error;
}

/** Runs `test` against a server over a fresh backend. */
async function withNode(test: (pair: EchoPair, backend: NotingBackend) => Promise<void>): Promise<void> {
  const backend = new NotingBackend();
  await using pair = await EchoPair.start({ services: [nodeService(backend)] });
  await test(pair, backend);
}

Deno.test("Join: passes the request on, and sends the answer and its trailers", () =>
  withNode(async ({ client }, backend) => {
    const { message, trailers } = await client.unary(join, {
      ...VALID,
      raftPort: 9443,
      primaryEndpoint: "192.0.2.1",
      endpoints: ["2001:db8::1"],
      assignIpv4: true,
      asVoter: true,
    });
    assert.deepEqual([message.addressIpv4, message.networkIpv6, message.peers[0]?.id], [
      "172.16.0.2/12",
      "fd00:1::/64",
      "a",
    ]);
    assert.deepEqual(trailers, new Map([["weft-mesh-id", "m"], ["weft-raft-id", "7"]]));
    assert.deepEqual(backend.calls, [
      `join {"id":"node-b","publicKey":"${PUBLIC_KEY}","raftPort":9443,"primaryEndpoint":"192.0.2.1",` +
      `"endpoints":["2001:db8::1"],"assignIpv4":true,"asVoter":true}`,
    ]);
  }));

/** Requests that are in order. */
const ACCEPTED: readonly Join[] = [
  VALID,
  { ...VALID, raftPort: 0, grpcPort: 65535, wireguardPort: 1 },
  { ...VALID, endpoints: Array.from({ length: JOIN_ENDPOINTS_MAX }, (_, i) => `192.0.2.${i}`) },
];

for (const [index, request] of ACCEPTED.entries()) {
  Deno.test(`Join: takes request ${index}`, () =>
    withNode(async ({ client }, backend) => {
      await client.unary(join, request);
      assert.equal(backend.calls.length, 1);
    }));
}

/** Requests that are not, and what is said of them. */
const REFUSED: readonly (readonly [request: Join, message: RegExp])[] = [
  [{ ...VALID, id: "" }, /^Cannot join: the node id is empty$/],
  [{ ...VALID, id: "x".repeat(11) }, /^Cannot join: node id "x{11}": longer than 10 characters$/],
  [{ ...VALID, id: "x".repeat(1000) }, /^Cannot join: node id "x{80}…": longer/],
  [{ ...VALID, publicKey: "" }, /^Cannot join: the public key is not a WireGuard key, 32 bytes in base64$/],
  [{ ...VALID, publicKey: "not a key" }, /public key/],
  [{ ...VALID, publicKey: new Uint8Array(31).toBase64() }, /public key/],
  [{ ...VALID, publicKey: `${PUBLIC_KEY} ` }, /public key/],
  [{ ...VALID, raftPort: -1 }, /^Cannot join: raft_port -1 is not in 0\.\.65535$/],
  [{ ...VALID, grpcPort: 65536 }, /^Cannot join: grpc_port 65536 is not in 0\.\.65535$/],
  [{ ...VALID, wireguardPort: -2147483648 }, /^Cannot join: wireguard_port/],
  [
    { ...VALID, primaryEndpoint: "192.0.2.1:51820" },
    /^Cannot join: endpoint "192\.0\.2\.1:51820" is not an IP address/,
  ],
  [{ ...VALID, primaryEndpoint: "node.example" }, /is not an IP address without port$/],
  [{ ...VALID, endpoints: ["192.0.2.1", ""] }, /^Cannot join: endpoint "" is not/],
  [{ ...VALID, endpoints: ["192.0.2.0/24"] }, /is not an IP address/],
  [
    { ...VALID, endpoints: Array.from({ length: JOIN_ENDPOINTS_MAX + 1 }, () => "192.0.2.1") },
    /^Cannot join: 17 endpoints, at most 16 are taken$/,
  ],
];

for (const [request, message] of REFUSED) {
  Deno.test(`Join: refuses with ${message.source}`, () =>
    withNode(async ({ client }, backend) => {
      const error = await failureOf(client.unary(join, request));
      assert.equal(error.codeName, "INVALID_ARGUMENT");
      assert.match(error.message, message);
      assert.deepEqual(backend.calls, []);
    }));
}

Deno.test("Leave: passes the id on; an empty one is INVALID_ARGUMENT", () =>
  withNode(async ({ client }, backend) => {
    await client.unary(leave, { id: "node-b" });
    assert.equal((await failureOf(client.unary(leave, {}))).codeName, "INVALID_ARGUMENT");
    assert.deepEqual(backend.calls, ["leave node-b"]);
  }));

Deno.test("GetStatus: an empty id is the node that is asked", () =>
  withNode(async ({ client }, backend) => {
    assert.equal((await client.unary(getStatus, {})).message.id, "me");
    assert.equal((await client.unary(getStatus, { id: "node-b" })).message.id, "node-b");
    assert.equal((await failureOf(client.unary(getStatus, { id: "nobody" }))).codeName, "NOT_FOUND");
    assert.deepEqual(backend.calls, ["status ", "status node-b", "status nobody"]);
  }));

Deno.test("NegotiateDataChannel: is UNIMPLEMENTED", () =>
  withNode(async ({ client }) => {
    const error = await failureOf(Array.fromAsync(client.stream(negotiateDataChannel, streamOf({ proto: "tcp" }))));
    assert.deepEqual([error.codeName, error.message], [
      "UNIMPLEMENTED",
      "This node does not offer WebRTC data channels",
    ]);
  }));

Deno.test("nodeService: joining and asking are open to all, removing a node is for members", () => {
  const { methods } = nodeService(new NotingBackend());
  assert.deepEqual(Object.entries(methods).map(([name, { authorisation }]) => `${name} ${authorisation}`), [
    "join public",
    "leave member",
    "getStatus public",
    "negotiateDataChannel member",
  ]);
});
