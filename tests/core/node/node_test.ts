/** Whole nodes in one process: everything real but the tunnel, members on loopback. */
import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { PROGRAM_VERSIONS_KEY, RAFT_INSTANCE_KEY } from "../../../core/node/join_metadata.ts";
import {
  FRESHNESS_KEY,
  FRESHNESS_STRICT_KEY,
  PREFER_LEADER_KEY,
  READ_CONSISTENCY_KEY,
} from "../../../core/plugin/read_level.ts";
import { Control } from "../../../proto/gen/weft/v1/control_pb.ts";
import { ClusterStatus } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import type { JoinRequestSchema } from "../../../proto/gen/v1/node_messages_pb.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { PaperNodes } from "./paper_nodes.ts";

const WAIT_MS = 20_000;

function publicKey(): string {
  return `${PrivateKey.generate(systemRandom).publicKey(nobleSuite.x25519)}`;
}

function raw(id: string, key = publicKey()): MessageInitShape<typeof JoinRequestSchema> {
  return { id, publicKey: key, raftPort: 1, grpcPort: 1, wireguardPort: 51820, assignIpv4: true };
}

Deno.test("openNode: a node bootstraps, stops, and is itself again", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  const before = await nodes.status("a");
  assert.equal(before.status?.clusterStatus, ClusterStatus.CLUSTER_LEADER);
  assert.equal(before.addresses?.ipv4, "10.83.0.1/29");
  assert.match(before.addresses?.ipv6 ?? "", /^fd[0-9a-f:]+::1\/64$/);
  await nodes.stop("a");
  assert.equal(nodes.tunnels.byNode.get("a")?.isClosed, true);
  await nodes.start("a");
  const after = await nodes.status("a");
  assert.deepEqual(after.addresses, before.addresses);
  assert(Number(after.raft?.term) > Number(before.raft?.term));
});

Deno.test("openNode: three members agree, and two go on without the leader", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a", { asVoter: true });
  await nodes.join("c", "b", { asVoter: true });
  await eventually("three voters", async () => {
    const { raft } = await nodes.status("a");
    return raft?.members.length === 3 && raft.members.every(({ voter }) => voter);
  }, WAIT_MS);
  assert.equal(nodes.tunnels.byNode.get("c")?.peers.size, 2, "a full mesh");
  await eventually("equal hashes", async () => {
    const all = await Promise.all(["a", "b", "c"].map((id) => nodes.status(id)));
    return new Set(all.map(({ raft }) => `${raft?.appliedIndex} ${raft?.stateHash}`)).size === 1;
  }, WAIT_MS);
  await nodes.stop("a");
  const leader = await eventually("another leader", async () => {
    const { raft } = await nodes.status("b");
    return raft?.leader !== "" && raft?.leader !== "a" && raft?.leader;
  }, WAIT_MS);
  await nodes.rawJoin(leader, raw("d"));
});

Deno.test("Join: the same again changes nothing, other keys and full networks are refused", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  const key = publicKey();
  const first = await nodes.rawJoin("a", raw("b", key));
  const index = (await nodes.status("a")).raft?.commitIndex;
  assert.deepEqual(await nodes.rawJoin("a", raw("b", key)), first);
  await eventually("the learner in", async () => (await nodes.status("a")).raft?.members.length === 2, WAIT_MS);
  assert(Number((await nodes.status("a")).raft?.commitIndex) - Number(index) <= 1, "only the membership change");
  await assert.rejects(nodes.rawJoin("a", raw("b")), { reason: "already-exists" });
  await assert.rejects(nodes.rawJoin("a", raw("z", key)), { reason: "already-exists" });
  await Promise.all(["c", "d", "e", "f"].map((id) => nodes.rawJoin("a", raw(id))));
  await assert.rejects(nodes.rawJoin("a", raw("g")), { reason: "exhausted" });
  await nodes.rawLeave("a", "b");
  assert.equal((await nodes.rawJoin("a", raw("b", key))).addressIpv4, first.addressIpv4);
});

Deno.test("Join: a new log under a known id and key is a new Raft member at the old addresses", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  const request = raw("b");
  const first = await nodes.rawJoin("a", request, { [RAFT_INSTANCE_KEY]: "one" });
  const idOf = async () => (await nodes.status("a")).raft?.members.find(({ id }) => id === "b")?.raftId;
  const before = await eventually("b in", idOf, WAIT_MS);
  assert.deepEqual(await nodes.rawJoin("a", request, { [RAFT_INSTANCE_KEY]: "two" }), first);
  await eventually("b replaced", async () => {
    const now = await idOf();
    return now !== undefined && now !== before;
  }, WAIT_MS);
});

Deno.test("Join and Leave: a follower names the leader", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a");
  const leaderAddress = `127.0.0.1:${nodes.config("a").grpcListen.port}`;
  await assert.rejects(nodes.rawJoin("b", raw("c")), { reason: "not-leader", leaderAddress });
  await assert.rejects(nodes.rawLeave("b", "a"), { reason: "not-leader", leaderAddress });
});

Deno.test("reads: every level at the leader, those that need no leader at a follower", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a");
  const before = await nodes.read("a", {});
  assert.equal(before.level, "none");
  assert.equal((await nodes.read("a", { [READ_CONSISTENCY_KEY]: "weak" })).level, "weak");
  const strong = await nodes.read("a", { [READ_CONSISTENCY_KEY]: "strong" });
  assert.equal(strong.level, "strong");
  assert(strong.index > before.index, "an entry in the log");
  const linearizable = await nodes.read("b", { [READ_CONSISTENCY_KEY]: "linearizable" });
  assert(linearizable.index >= strong.index, "what the leader had acknowledged is there");
  await nodes.read("b", { [FRESHNESS_KEY]: "5s", [FRESHNESS_STRICT_KEY]: "true" });
  const leaderAddress = `127.0.0.1:${nodes.config("a").grpcListen.port}`;
  for (const level of ["weak", "strong"]) {
    await assert.rejects(nodes.read("b", { [READ_CONSISTENCY_KEY]: level }), {
      reason: "not-leader",
      leaderAddress,
      message: /"a" is/,
    });
  }
  assert.equal((await nodes.read("b", { [PREFER_LEADER_KEY]: "true" })).level, "none", "nobody passes it on");
  await assert.rejects(nodes.read("b", { [READ_CONSISTENCY_KEY]: "best" }), { reason: "invalid-argument" });
});

Deno.test("reads: a follower without its leader", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a");
  await nodes.read("b", { [FRESHNESS_KEY]: "5s" });
  await nodes.stop("a");
  await nodes.read("b", {});
  await eventually("too old an answer", async () => {
    const refused = nodes.read("b", { [FRESHNESS_KEY]: "300ms" });
    return await refused.then(() => false, ({ reason }) => reason === "unavailable");
  }, WAIT_MS);
  await assert.rejects(nodes.read("b", { [READ_CONSISTENCY_KEY]: "linearizable" }), { reason: "no-leader" });
});

Deno.test("leave: the last node takes the mesh with it", async () => {
  await using nodes = new PaperNodes();
  const node = await nodes.bootstrap("a");
  await nodes.leave("a");
  assert.equal(await node.ended, "left");
  await nodes.stop("a");
  await assert.rejects(nodes.start("a"), { reason: "not-joined" });
});

Deno.test("leave: the only voter of a larger mesh is kept, with a hint", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a");
  await assert.rejects(nodes.leave("a"), /only voter/);
  assert.equal((await nodes.status("a")).raft?.role, "leader");
});

Deno.test("a node that the mesh removes ends, and says so", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  const node = await nodes.join("b", "a");
  await nodes.rawLeave("a", "b");
  assert.equal(await node.ended, "removed");
});

Deno.test("a node whose interface is deleted ends, and says so", async () => {
  await using nodes = new PaperNodes();
  const node = await nodes.bootstrap("a");
  nodes.tunnels.byNode.get("a")?.deleteInterface();
  await assert.rejects(node.ended, /The interface "paper0" was deleted/);
});

Deno.test("openNode: without state and without a way to a mesh it says what to do", async () => {
  await using nodes = new PaperNodes();
  await assert.rejects(nodes.start("a"), { reason: "not-joined" });
  await assert.rejects(nodes.start("no good"), { name: "ConfigError" });
});

Deno.test("Join: nodes say what their programs have, and one that is older than the mesh learns what it needs", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a");
  await using client = nodes.client("b");
  const sql = "SELECT node_id, engine_version, schema_version FROM node_versions ORDER BY node_id";
  const said = async () => {
    const { rows } = (await client.unary(Control.method.query, { sql })).message;
    return rows.map(({ values }) => values.map(({ kind }) => String(kind.value)));
  };
  const rows = await said();
  assert.deepEqual(rows.map(([id]) => id), ["a", "b"]);
  const [, engine = "", schema = ""] = rows[0] ?? [];
  assert.match(engine, /^3\./);
  const join = (versions: string) => nodes.rawJoin("a", raw("c"), { [PROGRAM_VERSIONS_KEY]: versions });
  await assert.rejects(join(`3.1.0/${schema}`), ({ reason, code, message, hint }) => {
    assert.deepEqual([reason, code], ["precondition", 9]);
    assert.equal(message, `The mesh requires SQLite ${engine} or newer, and node "c" has 3.1.0`);
    return /^Install Weft .* there/.test(hint);
  });
  await assert.rejects(
    join(`${engine}/1`),
    /requires a program that knows schema version .*, and node "c" knows up to 1/,
  );
  await assert.rejects(join("what"), { reason: "invalid-argument" });
  assert.equal((await said()).length, 2);
  await join("99.0.0/99");
  // A follower may hear of it a moment later.
  const third = await eventually("the third", async () => (await said())[2], WAIT_MS);
  assert.deepEqual(third, ["c", "99.0.0", "99"]);
});
