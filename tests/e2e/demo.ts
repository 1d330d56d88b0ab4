/**
 * `deno task demo`: three machines on this one become a mesh, talk through it, and go on without their leader.
 *
 * Needs root, because machines are network namespaces. Leaves nothing behind.
 *
 * @module
 */
import { eventually } from "./lab/eventually.ts";
import { LAB_NEEDS, missing } from "./lab/requirements.ts";
import { everyPairPings, MeshLab, READY_MS, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

async function demo(): Promise<void> {
  await using mesh = await MeshLab.create(sourceProgram());
  const [north, east, west] = [await mesh.node("north"), await mesh.node("east"), await mesh.node("west")];
  console.log("Three machines: north, east and west.");

  const own = (ipv4: string) => ["--primary-endpoint", ipv4];
  console.log("north$ weft run --bootstrap");
  await north.start("--bootstrap", ...own(north.host.ipv4));
  for (const node of [east, west]) {
    console.log(`${node.host.name}$ weft run --join ${north.host.ipv4}:8443 --as-voter`);
    await node.start("--join", `${north.host.ipv4}:8443`, "--as-voter", ...own(node.host.ipv4));
  }
  await eventually("three voters", async () => {
    const status = await north.status();
    return status?.raft.members.filter(({ voter }) => voter).length === 3;
  }, READY_MS);
  console.log(`north$ weft nodes\n${(await north.weft("nodes")).stdout}`);

  await everyPairPings([north, east, west], READY_MS);
  console.log("Every machine reaches every other through the mesh, over IPv4 and IPv6.");

  console.log("north dies without a word.");
  const { id: gone } = await north.mustStatus();
  await north.end("SIGKILL");
  const diedAtMs = performance.now();
  const leader = await eventually("a new leader", async () => {
    const leader = (await east.status())?.currentLeader;
    return leader !== "" && leader !== gone && leader;
  }, WHOLE_MS);
  console.log(`${leader} leads after ${((performance.now() - diedAtMs) / 1_000).toFixed(1)} s.`);
  await everyPairPings([east, west], WHOLE_MS);
  console.log(`The mesh goes on.\neast$ weft status\n${(await east.weft("status")).stdout}`);
}

const reasons = LAB_NEEDS.flatMap((need) => missing(need) ?? []);
if (reasons.length > 0) {
  console.error(`The demo cannot run here: ${reasons.join(", ")}.`);
  Deno.exit(1);
}
await demo();
