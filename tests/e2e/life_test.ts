/** What a machine goes through while its node runs: it sleeps, its addresses change, its clock is wrong. */
import assert from "node:assert/strict";
import { tai64n } from "../../core/time/tai64n.ts";
import { eventually } from "./lab/eventually.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { ping } from "./lab/traffic.ts";
import { everyPairPings, MeshLab, type MeshNode, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun", "command:ping"];
/** From waking up, or having moved, to the first answer. */
const FIRST_BYTE_MS = 2_000;
const SLEEP_MS = 30_000;
const DAY_MS = 24 * 3_600_000;

async function mesh(lab: MeshLab, ...names: string[]): Promise<MeshNode[]> {
  const nodes: MeshNode[] = [];
  for (const name of names) {
    const node = await lab.node(name);
    const [first] = nodes;
    await (first ? node.start("--join", `${first.host.ipv4}:8443`) : node.start("--bootstrap"));
    nodes.push(node);
  }
  await everyPairPings(nodes, WHOLE_MS);
  return nodes;
}

/** Waits for an echo from `to`, and returns how long that took. */
async function firstByte(from: MeshNode, to: MeshNode, address: string, deadlineMs: number): Promise<number> {
  const startMs = performance.now();
  const what = `${from.host.name} to hear ${to.host.name} at ${address}`;
  await eventually(what, () => ping(from.host, address, 200), deadlineMs);
  return performance.now() - startMs;
}

labTest("life: a process that stood still for 30 s is back within two", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [a, b] = await mesh(lab, "a", "b");
  assert.ok(a && b);
  const [atA, atB] = [await a.addresses(), await b.addresses()];
  b.signal("SIGSTOP");
  const wakeMs = performance.now() + SLEEP_MS;
  await eventually("30 s to pass", async () => {
    // Somebody asks all the while, so that sessions are distrusted and handshakes pile up.
    await ping(a.host, atB.ipv4, 500);
    return performance.now() >= wakeMs;
  }, SLEEP_MS + WHOLE_MS);
  b.signal("SIGCONT");
  const [toB, toA] = await Promise.all([
    firstByte(a, b, atB.ipv4, FIRST_BYTE_MS),
    firstByte(b, a, atA.ipv6, FIRST_BYTE_MS),
  ]);
  console.log(`first byte after ${toB.toFixed(0)} ms and ${toA.toFixed(0)} ms`);
});

labTest("life: a host with another address is heard at once, and the whole mesh is told", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [a, b, c] = await mesh(lab, "a", "b", "c");
  assert.ok(a && b && c);
  const { ipv4 } = await c.addresses();
  const mtu = async () => JSON.parse(await c.host.mustExec(["ip", "-j", "link", "show", "weft0"]))[0].mtu;
  assert.equal(await mtu(), 1420);

  // Only the others speak: c has no packet of its own to send.
  await c.host.ip(`addr del ${c.host.ipv4}/24 dev eth0
addr add 192.0.2.77/24 dev eth0`);
  const [fromA, fromB] = await Promise.all([a, b].map((node) => firstByte(node, c, ipv4, FIRST_BYTE_MS)));
  const startMs = performance.now();
  await eventually("the mesh to know", async () => {
    const { stdout } = await b.weft("nodes", "--json");
    const { nodes } = JSON.parse(stdout) as { nodes: { id: string; primaryEndpoint: string; endpoints: string[] }[] };
    const known = nodes.find(({ id }) => id === "c");
    return known && [known.primaryEndpoint, ...known.endpoints].includes("192.0.2.77");
  }, FIRST_BYTE_MS);
  const told = performance.now() - startMs;
  console.log(`first byte after ${fromA?.toFixed(0)} ms and ${fromB?.toFixed(0)} ms, told ${told.toFixed(0)} ms later`);

  await c.host.ip("link set eth0 mtu 1400");
  await eventually("the tunnel's MTU to follow", async () => await mtu() === 1320, FIRST_BYTE_MS);
});

labTest("life: a machine that starts with its clock a day back is heard all the same", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [a, b] = await mesh(lab, "a", "b");
  assert.ok(a && b);
  const { ipv4 } = await a.addresses();
  const file = `${b.dataDir}/timestamp`;
  const asIfItWere = tai64n(Date.now() + DAY_MS).toHex();
  await b.end("SIGKILL");
  await Deno.writeTextFile(file, `${asIfItWere}\n`);

  // It shakes hands as of tomorrow, which the other remembers, and refuses from then on what is from today.
  for (const signal of ["SIGKILL", "SIGTERM", "SIGKILL"] as const) {
    await b.start();
    const tookMs = await firstByte(b, a, ipv4, WHOLE_MS);
    assert.ok((await Deno.readTextFile(file)).trim() > asIfItWere, "the floor rises");
    console.log(`first byte ${tookMs.toFixed(0)} ms after the start`);
    await b.end(signal);
  }
});
