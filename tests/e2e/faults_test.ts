/** What happens to machines: all lose power at once, a cable is cut, a host comes back with another address. */
import assert from "node:assert/strict";
import { eventually } from "./lab/eventually.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { everyPairPings, MeshLab, type MeshNode, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun", "command:ping"];

async function threeVoters(lab: MeshLab): Promise<[MeshNode, MeshNode, MeshNode]> {
  const [a, b, c] = [await lab.node("a"), await lab.node("b"), await lab.node("c")];
  await a.start("--bootstrap");
  await b.start("--join", `${a.host.ipv4}:8443`, "--as-voter");
  await c.start("--join", `${a.host.ipv4}:8443`, "--as-voter");
  await eventually("three voters", async () => {
    const { members } = (await a.mustStatus()).raft;
    return members.length === 3 && members.every(({ voter }) => voter);
  }, WHOLE_MS);
  return [a, b, c];
}

async function leaderOf(node: MeshNode): Promise<string | undefined> {
  return (await node.status())?.currentLeader || undefined;
}

labTest("all nodes lose power at once: the same mesh comes back", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const nodes = await threeVoters(lab);
  const before = await Promise.all(nodes.map((node) => node.addresses()));
  for (const node of nodes) await node.end("SIGKILL");
  await Promise.all(nodes.map((node) => node.start()));
  assert.deepEqual(await Promise.all(nodes.map((node) => node.addresses())), before);
  await everyPairPings(nodes, WHOLE_MS);
});

labTest("the leader is cut off: the others go on, and it follows when it is back", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const nodes = await threeVoters(lab);
  const [a, b, c] = nodes;
  await everyPairPings(nodes, WHOLE_MS);
  const leader = await eventually("a leader", () => leaderOf(b), WHOLE_MS);
  const cut = nodes.find((node) => node.host.name === leader);
  assert(cut);
  const rest = nodes.filter((node) => node !== cut);
  const term = (await cut.mustStatus()).raft.term;
  await cut.host.attachment.cut();
  await eventually("another leader", async () => {
    const leaders = await Promise.all(rest.map(leaderOf));
    return leaders[0] !== undefined && leaders[0] !== leader && leaders[0] === leaders[1];
  }, WHOLE_MS);
  await eventually("the old leader to step down", async () => (await cut.status())?.raft.role !== "leader", WHOLE_MS);
  await everyPairPings(rest, WHOLE_MS);
  await cut.host.attachment.heal();
  await everyPairPings(nodes, WHOLE_MS);
  await eventually("one leader in a later term", async () => {
    const statuses = await Promise.all([a, b, c].map((node) => node.mustStatus()));
    return new Set(statuses.map(({ currentLeader, raft }) => `${currentLeader} ${raft.term}`)).size === 1 &&
      statuses[0]?.currentLeader !== "" && (statuses[0]?.raft.term ?? 0) > term;
  }, WHOLE_MS);
});

labTest("a host comes back with another address: it is found again", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const nodes = await threeVoters(lab);
  const [a, b] = nodes;
  await everyPairPings(nodes, WHOLE_MS);
  const moved = b.host.ipv4.replace(/\d+$/, "77");
  await b.host.ip(`addr del ${b.host.ipv4}/24 dev eth0\naddr add ${moved}/24 dev eth0`);
  await eventually("the mesh to know the new address", async () => {
    const { stdout } = await a.weft("nodes", "--json");
    return stdout.includes(`"${moved}"`);
  }, 2 * WHOLE_MS);
  await everyPairPings(nodes, WHOLE_MS);
});
