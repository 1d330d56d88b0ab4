import assert from "node:assert/strict";
import { openDisk } from "../../../core/io/disk_deno.ts";
import { recoverMesh } from "../../../core/node/recover.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { PaperNodes } from "./paper_nodes.ts";

const WAIT_MS = 20_000;

function request(nodes: PaperNodes, nodeId: string, isConfirmed: boolean, survivors: readonly string[] = []) {
  const dataDir = nodes.dataDir(nodeId);
  return { dataDir, survivors, isConfirmed, disk: openDisk(), nowMs: Date.now(), log: new MemoryLog() };
}

async function members(nodes: PaperNodes, nodeId: string): Promise<string[]> {
  return (await nodes.status(nodeId)).raft?.members.map(({ id }) => id) ?? [];
}

Deno.test("recoverMesh: one of three goes on, takes new nodes, and keeps out who stayed behind", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a", { asVoter: true });
  await nodes.join("c", "a", { asVoter: true });
  await eventually("three voters", async () => {
    const { raft } = await nodes.status("a");
    return raft?.members.filter(({ voter }) => voter).length === 3;
  }, WAIT_MS);
  const addresses = (await nodes.status("c")).addresses;
  await assert.rejects(recoverMesh(request(nodes, "c", true)), /in use/);
  for (const id of ["a", "b", "c"]) await nodes.stop(id);

  await assert.rejects(recoverMesh(request(nodes, "c", true, ["z"])), /no node "z"/);
  const plan = await recoverMesh(request(nodes, "c", false));
  assert.deepEqual([plan.lost, plan.isDone], [["a", "b"], false]);
  const done = await recoverMesh(request(nodes, "c", true));
  assert.deepEqual([done.index, done.newMeshId], [plan.index, `${plan.meshId}-e1`]);

  await nodes.start("c");
  const status = await nodes.status("c");
  assert.deepEqual([status.raft?.role, await members(nodes, "c")], ["leader", ["c"]]);
  assert.deepEqual(status.addresses?.ipv4, addresses?.ipv4);
  await nodes.join("d", "c", { asVoter: true });
  await eventually("d in", async () => (await members(nodes, "c")).length === 2, WAIT_MS);

  // The old ones would be a majority of the old mesh: both are told before they can be one.
  const giveUp = new AbortController();
  const late = nodes.start("a", {}, giveUp).then(() => "started", (error: Error) => error.message);
  const later = nodes.start("b", {}, giveUp).then(() => "started", (error: Error) => error.message);
  const leaders = nodes.log.count("leading");
  for (const id of ["a", "b"]) {
    await eventually(`${id} to say that it is left behind`, async () => {
      const refused = await members(nodes, id).then(() => undefined, (error) => error);
      return refused?.reason === "not-joined" && /recovered without this node/.test(refused.message) &&
        /--join/.test(refused.hint);
    }, WAIT_MS);
  }
  assert.equal(nodes.log.count("leading"), leaders, "none of the old ones led");
  assert.deepEqual(await members(nodes, "c"), ["c", "d"]);
  giveUp.abort(new Error("given up"));
  assert.deepEqual(await Promise.all([late, later]), ["given up", "given up"]);

  // It remembers, and comes back only where it is told to.
  const again = new AbortController();
  const out = nodes.start("a", {}, again).catch((error: Error) => error.message);
  await eventually("a to remember", async () => {
    return await members(nodes, "a").then(() => false, (error) => /recovered/.test(error.message));
  }, WAIT_MS);
  again.abort(new Error("given up"));
  assert.equal(await out, "given up");
  await assert.rejects(recoverMesh(request(nodes, "a", true)), /in use|recovered without/);
  await nodes.join("a", "c");
  await eventually("a back", async () => (await members(nodes, "c")).includes("a"), WAIT_MS);
});

Deno.test("recoverMesh: a directory without a mesh is none", async () => {
  await using nodes = new PaperNodes();
  await assert.rejects(recoverMesh(request(nodes, "a", true)), /no state of a mesh/);
});
