/**
 * Tests for `core/rpc/control_service.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { socketFiles } from "../../../core/io/socket_files.ts";
import { connect } from "../../../core/rpc/client.ts";
import { type ControlBackend, controlService, type OperationsBackend } from "../../../core/rpc/control_service.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { Control } from "../../../proto/gen/weft/v1/control_pb.ts";
import { EchoPair } from "./echo_service.ts";

const { getNodeStatus, listNodes, leave } = Control.method;

/** A backend, and how often it was told to leave. */
function countingBackend(): { readonly backend: ControlBackend; readonly leaves: () => number } {
  let leaves = 0;
  const backend: ControlBackend = {
    nodeMetrics: (id) => Promise.resolve({ deviceName: id || "weft0" }),
    nodeStatus: (id) => Promise.resolve({ status: { id: id || "me" }, raft: { term: 3n } }),
    listNodes: () => Promise.resolve([{ id: "a" }, { id: "b" }]),
    leaveMesh() {
      leaves++;
      return Promise.resolve();
    },
  };
  return { backend, leaves: () => leaves };
}

/** Answers with what it was asked. */
const OPERATIONS: OperationsBackend = {
  raftStatus: () => Promise.resolve({ id: "me" }),
  raftMembers: (here) => Promise.resolve({ viewer: here ? "here" : "leader" }),
  transferLeadership: (id, here) => Promise.resolve({ leader: `${id}${here ? " here" : ""}`, moved: true }),
  query: ({ sql }) => Promise.resolve({ columns: [sql] }),
  async *backup() {
    yield await Promise.resolve({ data: Uint8Array.of(1) });
  },
  restore: async (pieces) => ({ appliedIndex: BigInt((await Array.fromAsync(pieces)).length) }),
  takeSnapshot: () => Promise.resolve({ index: 7n }),
};

Deno.test("Control: status and nodes", async () => {
  await using pair = await EchoPair.start({ services: [controlService(countingBackend().backend, OPERATIONS)] });
  const { message } = await pair.client.unary(getNodeStatus, {});
  assert.deepEqual([message.status?.id, message.raft?.term], ["me", 3n]);
  assert.equal((await pair.client.unary(getNodeStatus, { id: "b" })).message.status?.id, "b");
  const { nodes } = (await pair.client.unary(listNodes, {})).message;
  assert.deepEqual(nodes.map(({ id }) => id), ["a", "b"]);
});

Deno.test("Control: operations", async () => {
  await using pair = await EchoPair.start({ services: [controlService(countingBackend().backend, OPERATIONS)] });
  const { getRaftStatus, listRaftMembers, transferLeadership, takeSnapshot } = Control.method;
  assert.equal((await pair.client.unary(getRaftStatus, {})).message.id, "me");
  assert.equal((await pair.client.unary(listRaftMembers, { here: true })).message.viewer, "here");
  assert.equal((await pair.client.unary(transferLeadership, { id: "b", here: true })).message.leader, "b here");
  assert.equal((await pair.client.unary(takeSnapshot, {})).message.index, 7n);
  assert.deepEqual((await pair.client.unary(Control.method.query, { sql: "VALUES (1)" })).message.columns, [
    "VALUES (1)",
  ]);
});

Deno.test("Control.Leave: works on the Unix socket and nowhere else", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-rpc-" });
  try {
    const { backend, leaves } = countingBackend();
    const socketPath = `${folder}/weft.sock`;
    await using pair = await EchoPair.start({
      services: [controlService(backend, OPERATIONS)],
      unix: { path: socketPath, files: socketFiles },
    });
    await assert.rejects(pair.client.unary(leave, {}), (error) => {
      assert(error instanceof RpcError);
      assert.equal(error.codeName, "PERMISSION_DENIED");
      assert.match(error.hint ?? "", /Unix socket/);
      return true;
    });
    assert.equal(leaves(), 0);
    await using near = connect({ socketPath }, { kind: "insecure" });
    await near.unary(leave, {});
    assert.equal(leaves(), 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("controlService: the mesh's inside is for members", () => {
  const { methods } = controlService(countingBackend().backend, OPERATIONS);
  assert.deepEqual(Object.entries(methods).map(([name, { authorisation }]) => `${name} ${authorisation}`), [
    "getNodeStatus member",
    "getNodeMetrics member",
    "listNodes member",
    "leave local",
    "getRaftStatus member",
    "listRaftMembers member",
    "transferLeadership member",
    "takeSnapshot member",
    "query member",
    "backup member",
    "restore local",
  ]);
});
