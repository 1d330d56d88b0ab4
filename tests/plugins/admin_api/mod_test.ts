/** v1.Admin on whole nodes in one process: rules and errors on one, who votes on three. */
import assert from "node:assert/strict";
import { ACLAction } from "../../../proto/gen/v1/admin_messages_pb.ts";
import { Admin } from "../../../proto/gen/v1/admin_pb.ts";
import { Feature } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { Control } from "../../../proto/gen/weft/v1/control_pb.ts";
import { Node } from "../../../proto/gen/v1/node_pb.ts";
import { voteOutcomeOf } from "../../../core/plugin/vote_outcome.ts";
import type { RpcClient } from "../../../core/rpc/client.ts";
import { adminApi } from "../../../plugins/admin_api/mod.ts";
import { FOLLOW_HELD_MS } from "../../../plugins/admin_api/acl_changes.ts";
import { PaperNodes } from "../../core/node/paper_nodes.ts";
import { PluginNode } from "../../core/node/plugin_node.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { endlessCycles } from "../plugin_cycles.ts";
import { pluginPlan } from "../plugin_plan.ts";
import { reflectedServices } from "../reflected_services.ts";

const WAIT_MS = 20_000;
/** Longer than a leader takes somebody silent for up, in milliseconds. */
const SILENCE_MS = 2_000;
const { putRaftACL, deleteRaftACL, getRaftACL, listRaftACLs } = Admin.method;
const NOTHING = { demoted: [], promoted: [], kept: [], pending: [] };

function start(): Promise<PluginNode> {
  return PluginNode.start(pluginPlan(adminApi));
}

async function put(client: RpcClient, name: string, action: ACLAction, ...patterns: string[]) {
  return voteOutcomeOf((await client.unary(putRaftACL, { name, action, patterns })).trailers);
}

async function commitIndex(node: PluginNode): Promise<bigint | undefined> {
  return (await node.status()).raft?.commitIndex;
}

Deno.test("v1.Admin: put, replace, get, list in the order of names, delete", async () => {
  await using node = await start();
  const { client } = node;
  assert.deepEqual((await client.unary(listRaftACLs, {})).message.items, []);
  assert.deepEqual(await put(client, "b", ACLAction.ALLOW, "a", "x-*"), NOTHING);
  await put(client, "a", ACLAction.DENY, "y");
  await put(client, "B", ACLAction.DENY, "z?");
  const { message: b } = await client.unary(getRaftACL, { name: "b" });
  assert.deepEqual([b.name, b.action, b.patterns], ["b", ACLAction.ALLOW, ["a", "x-*"]]);
  await put(client, "b", ACLAction.ALLOW, "*");
  const listed = (await client.unary(listRaftACLs, {})).message.items;
  assert.deepEqual(listed.map(({ name, patterns }) => [name, ...patterns]), [["B", "z?"], ["a", "y"], ["b", "*"]]);
  await client.unary(deleteRaftACL, { name: "a" });
  await assert.rejects(client.unary(getRaftACL, { name: "a" }), { reason: "not-found" });
});

Deno.test("v1.Admin: what is so already adds nothing to the log", async () => {
  await using node = await start();
  await put(node.client, "x", ACLAction.ALLOW, "*");
  const before = await commitIndex(node);
  await put(node.client, "x", ACLAction.ALLOW, "*");
  await node.client.unary(deleteRaftACL, { name: "y" });
  assert.equal(await commitIndex(node), before);
  await put(node.client, "x", ACLAction.ALLOW, "*", "a");
  assert(Number(await commitIndex(node)) > Number(before));
});

Deno.test("v1.Admin: names, patterns and actions that are none are INVALID_ARGUMENT, at their limits too", async () => {
  await using node = await start();
  const { client } = node;
  const long = "x".repeat(63);
  const allow = ACLAction.ALLOW;
  await put(client, long, allow, "*", ...Array.from({ length: 126 }, (_, i) => `n${i}`), long);
  const bad: [string, ACLAction, string[]][] = [
    ["", allow, ["*"]],
    [`${long}x`, allow, ["*"]],
    ["a,b", allow, ["*"]],
    ["a b", allow, ["*"]],
    ["ok", allow, []],
    ["ok", allow, [""]],
    ["ok", allow, [`${long}x`]],
    ["ok", allow, ["a,b"]],
    ["ok", allow, ["[ab]"]],
    ["ok", allow, Array.from({ length: 129 }, () => "*")],
    ["ok", 2 as ACLAction, ["*"]],
  ];
  for (const [name, action, patterns] of bad) {
    const why = JSON.stringify([name, action, patterns]).slice(0, 80);
    await assert.rejects(client.unary(putRaftACL, { name, action, patterns }), { reason: "invalid-argument" }, why);
  }
  for (const name of ["", `${long}x`, "a,b"]) {
    await assert.rejects(client.unary(getRaftACL, { name }), { reason: "invalid-argument" });
    await assert.rejects(client.unary(deleteRaftACL, { name }), { reason: "invalid-argument" });
  }
  assert.equal((await client.unary(listRaftACLs, {})).message.items.length, 1);
});

Deno.test("v1.Admin: one ACL more than the mesh can have is RESOURCE_EXHAUSTED", async () => {
  await using node = await start();
  for (let i = 0; i < 256; i++) await put(node.client, `acl-${i}`, ACLAction.ALLOW, "*");
  await assert.rejects(put(node.client, "one-more", ACLAction.ALLOW, "*"), { reason: "exhausted" });
  await put(node.client, "acl-7", ACLAction.ALLOW, "a", "b");
});

Deno.test("v1.Admin: a change after which no voter may vote is refused, and changes nothing", async () => {
  await using node = await start();
  const refused = { reason: "precondition", code: 9 };
  await assert.rejects(put(node.client, "x", ACLAction.ALLOW, "b"), refused);
  await assert.rejects(put(node.client, "x", ACLAction.DENY, "A"), refused);
  assert.deepEqual((await node.client.unary(listRaftACLs, {})).message.items, []);
  await put(node.client, "a", ACLAction.ALLOW, "a");
  await put(node.client, "b", ACLAction.ALLOW, "b");
  await assert.rejects(node.client.unary(deleteRaftACL, { name: "a" }), refused);
  await node.client.unary(deleteRaftACL, { name: "b" });
  await node.client.unary(deleteRaftACL, { name: "a" });
});

Deno.test("v1.Admin: Join as voter is PERMISSION_DENIED unless an ACL allows it, and as learner it is not", async () => {
  await using node = await start();
  await put(node.client, "servers", ACLAction.ALLOW, "a", "server-*");
  await put(node.client, "zz-old", ACLAction.DENY, "server-9");
  const join = (id: string, asVoter: boolean) => {
    const publicKey = new Uint8Array(32).map((_, i) => id.charCodeAt(i) || 0).toBase64();
    return node.client.unary(Node.method.join, { id, publicKey, asVoter });
  };
  await assert.rejects(join("my-server-1", true), { reason: "permission-denied", message: /no Raft ACL allows it/ });
  await assert.rejects(join("server-9", true), { reason: "permission-denied", message: /"zz-old" denies it/ });
  await join("server-9", false);
  await join("server-1", true);
});

Deno.test("v1.Admin: it is on without a value of the Feature enum, and gone when it is stopped", async () => {
  await using node = await start();
  assert.deepEqual((await node.status()).status?.features, [Feature.NODES]);
  assert((await reflectedServices(node.client)).includes("v1.Admin"));
  await node.plugins.disable("admin_api");
  assert(!(await reflectedServices(node.client)).includes("v1.Admin"));
  await assert.rejects(node.client.unary(listRaftACLs, {}), { reason: "unimplemented" });
  assert.throws(() => adminApi.configure({ port: "1" }), /no such option "port"/);
});

Deno.test("admin_api: a thousand cycles leave nothing", () => endlessCycles(adminApi));

async function threeVoters(): Promise<PaperNodes> {
  const nodes = new PaperNodes(pluginPlan(adminApi));
  await nodes.bootstrap("a");
  await nodes.join("b", "a", { asVoter: true });
  await nodes.join("c", "a", { asVoter: true });
  await eventually("three voters", async () => (await voters(nodes, "a")) === "a,b,c", WAIT_MS);
  return nodes;
}

async function voters(nodes: PaperNodes, viewer: string): Promise<string> {
  const { raft } = await nodes.status(viewer);
  return (raft?.members ?? []).filter(({ voter }) => voter).map(({ id }) => id).join();
}

Deno.test("v1.Admin: a voter that loses its right is a learner, and votes again when it gets it back", async () => {
  await using nodes = await threeVoters();
  await using client = nodes.client("a");
  assert.deepEqual(await put(client, "x", ACLAction.ALLOW, "?"), NOTHING);
  assert.deepEqual(await put(client, "y", ACLAction.DENY, "c"), { ...NOTHING, demoted: ["c"] });
  assert.equal(await voters(nodes, "a"), "a,b");
  const { trailers } = await client.unary(deleteRaftACL, { name: "y" });
  assert.deepEqual(voteOutcomeOf(trailers), { ...NOTHING, promoted: ["c"] });
  assert.equal(await voters(nodes, "a"), "a,b,c");
  assert.deepEqual(await put(client, "x", ACLAction.ALLOW, "a"), { ...NOTHING, demoted: ["b", "c"] });
  assert.equal(await voters(nodes, "a"), "a");
});

Deno.test("v1.Admin: a leader that loses its right hands over and is a learner", async () => {
  await using nodes = await threeVoters();
  await using client = nodes.client("a");
  assert.deepEqual(await put(client, "x", ACLAction.ALLOW, "b", "c"), { ...NOTHING, demoted: ["a"] });
  const leader = (await nodes.status("b")).raft?.leader ?? "";
  assert(["b", "c"].includes(leader));
  assert.equal(await voters(nodes, leader), "b,c");
  await assert.rejects(put(client, "x", ACLAction.ALLOW, "*"), {
    reason: "not-leader",
    leaderAddress: nodes.address(leader),
  });
  assert.equal((await client.unary(getRaftACL, { name: "x" })).message.patterns.join(), "b,c", "reads are served");
});

Deno.test("v1.Admin: nobody is demoted whom the quorum needs, and the call says who; later it is made up for", async () => {
  await using nodes = await threeVoters();
  await using client = nodes.client("a");
  await put(client, "x", ACLAction.ALLOW, "*");
  await nodes.stop("c");
  await eventually("c to be silent", async () => {
    const { members } = (await client.unary(Control.method.listRaftMembers, {})).message;
    return Number(members.find(({ id }) => id === "c")?.lastContactMs ?? 0) > SILENCE_MS;
  }, WAIT_MS);
  const startMs = performance.now();
  const outcome = await put(client, "y", ACLAction.DENY, "b");
  assert.deepEqual(outcome, { ...NOTHING, kept: ["b"] });
  assert(performance.now() - startMs >= FOLLOW_HELD_MS);
  assert.equal(await voters(nodes, "a"), "a,b,c");
  assert((await client.unary(listRaftACLs, {})).message.items.length === 2, "the mesh still writes");
  await nodes.start("c");
  await eventually("b is demoted", async () => (await voters(nodes, "a")) === "a,c", WAIT_MS);
});
