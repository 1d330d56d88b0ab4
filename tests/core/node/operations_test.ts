import assert from "node:assert/strict";
import { Control } from "../../../proto/gen/weft/v1/control_pb.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { PaperNodes } from "./paper_nodes.ts";

const WAIT_MS = 20_000;
const { getRaftStatus, listRaftMembers, takeSnapshot, transferLeadership } = Control.method;

async function caughtUp(nodes: PaperNodes, voterCount: number): Promise<void> {
  await eventually("the voters", async () => {
    const { raft } = await nodes.status("a");
    return raft?.members.filter(({ voter }) => voter).length === voterCount;
  }, WAIT_MS);
}

Deno.test("MeshOperations: members, status and snapshot of a leader and its follower", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a");
  await using a = nodes.client("a");
  const members = await eventually("b to be level", async () => {
    const { message } = await a.unary(listRaftMembers, {});
    const b = message.members.find(({ id }) => id === "b");
    return b?.lag === 0n && b.lastContactMs !== undefined && message;
  }, WAIT_MS);
  assert.equal(members.viewer, "a");
  assert.deepEqual(members.members.map(({ id, role }) => [id, role]), [["a", "leader"], ["b", "learner"]]);
  assert.match(members.members[1]?.address ?? "", /^10\.83\.0\.2:[0-9]+$/);
  assert.equal(members.members[0]?.lastContactMs, undefined, "a does not hear itself");

  const { message: taken } = await a.unary(takeSnapshot, {});
  const { message: status } = await a.unary(getRaftStatus, {});
  assert.equal(taken.index, status.snapshotIndex);
  assert.equal(taken.bytes, BigInt((await Deno.stat(taken.file)).size));
  assert.equal(status.snapshotFile, taken.file);
  assert(status.walBytes > 0n && status.walFiles > 0 && status.appliedIndex >= taken.index);
  assert.deepEqual([status.role, status.voters, status.learners], ["leader", 1, 1]);
  assert.equal(status.quorumContactMs, 0n, "the only voter is a majority");
  const again = (await a.unary(takeSnapshot, {})).message;
  assert.deepEqual([again.index, again.file], [taken.index, taken.file], "nothing new, nothing written");

  await using b = nodes.client("b");
  const { message: here } = await b.unary(listRaftMembers, { here: true });
  assert.equal(here.viewer, "b");
  assert.deepEqual(here.members.map(({ matchIndex, lag }) => [matchIndex, lag]), [[undefined, undefined], [
    undefined,
    undefined,
  ]]);
  const { message: follower } = await b.unary(getRaftStatus, {});
  assert.deepEqual([follower.role, follower.leader, follower.stateHash], ["follower", "a", status.stateHash]);
  assert(follower.quorumContactMs !== undefined);
});

Deno.test("MeshOperations: leadership goes where it is sent, and to no learner or stranger", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a", { asVoter: true });
  await nodes.join("c", "a");
  await caughtUp(nodes, 2);
  await using a = nodes.client("a");
  await assert.rejects(a.unary(transferLeadership, { id: "c" }), { reason: "invalid-argument", message: /not vote/ });
  await assert.rejects(a.unary(transferLeadership, { id: "z" }), { reason: "not-found" });
  assert.equal((await a.unary(transferLeadership, { id: "a" })).message.moved, false);
  const { message } = await a.unary(transferLeadership, {});
  assert.deepEqual([message.leader, message.moved], ["b", true]);
  assert.equal((await nodes.status("b")).raft?.role, "leader");
  await assert.rejects(a.unary(transferLeadership, { here: true }), { reason: "not-leader" });
});

Deno.test("MeshOperations: a voter that is gone cannot take over, and the leader stays", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a", { asVoter: true });
  await nodes.join("c", "a", { asVoter: true });
  await caughtUp(nodes, 3);
  await nodes.stop("c");
  await using a = nodes.client("a");
  await assert.rejects(a.unary(transferLeadership, { id: "c" }), (error: Error & { hint?: string }) => {
    assert.match(error.message, /"c" has not taken over within/);
    assert.match(error.hint ?? "", /"a" still leads/);
    return true;
  });
  assert.equal((await nodes.status("a")).raft?.role, "leader");
});

Deno.test("MeshOperations: an in-memory node has no file to show", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a", { inMemory: true });
  await using a = nodes.client("a");
  const { message } = await a.unary(takeSnapshot, {});
  assert.deepEqual([message.file, message.bytes > 0n], ["", true]);
  assert.equal((await a.unary(getRaftStatus, {})).message.walBytes, 0n);
});
