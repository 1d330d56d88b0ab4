/**
 * The walk a user takes: three hosts form a mesh, carry traffic, and survive the stop and the death of each of them. Once from
 * source, once from the one file that `compile.sh` builds.
 */
import assert from "node:assert/strict";
import { eventually } from "./lab/eventually.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { iperf } from "./lab/traffic.ts";
import { everyPairPings, MeshLab, type MeshNode, type StatusJson, WHOLE_MS } from "./mesh_lab.ts";
import { compiledProgram, type Program, sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun", "command:ping", "command:iperf3"];

/** Every node pings every other this long after the last join. */
const FORMED_MS = 5_000;

/** @param options Of the first node. */
async function formed(lab: MeshLab, options: readonly string[] = []): Promise<[MeshNode, MeshNode, MeshNode]> {
  const [a, b, c] = [await lab.node("a"), await lab.node("b"), await lab.node("c")];
  await a.start("--bootstrap", "--primary-endpoint", a.host.ipv4, ...options);
  await b.start("--join", `${a.host.ipv4}:8443`, "--as-voter");
  await c.start("--join", `${a.host.ipv4}:8443`, "--as-voter");
  return [a, b, c];
}

/** Bytes that went through the host's own network card. */
async function cardBytes(node: MeshNode): Promise<number> {
  const [link] = JSON.parse(await node.host.mustExec(["ip", "-j", "-s", "link", "show", "eth0"]));
  return link.stats64.rx.bytes + link.stats64.tx.bytes;
}

async function hostState(node: MeshNode): Promise<string> {
  const links = await node.host.mustExec(["ip", "-o", "link"]);
  const addresses = await node.host.mustExec(["ip", "-o", "addr"]);
  const routes = await node.host.mustExec(["ip", "route", "show", "table", "all"]);
  const routes6 = await node.host.mustExec(["ip", "-6", "route", "show", "table", "all"]);
  // Kernel bookkeeping that moves by itself: lifetimes of addresses and caches of routes.
  return [links, addresses, routes, routes6].join("\n").replace(/valid_lft \S+|preferred_lft \S+|expires \S+/g, "");
}

/** @param look What else to look at, once all nodes reach each other. */
async function wholeMesh(
  program: Program,
  options: readonly string[] = [],
  look: (a: MeshNode, b: MeshNode) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await using lab = await MeshLab.create(program);
  const nodes = await formed(lab, options);
  const [a, b, c] = nodes;
  await everyPairPings(nodes, FORMED_MS);
  await eventually("all three to vote", async () => {
    const { members } = (await a.mustStatus()).raft;
    return members.length === 3 && members.every((member) => member.voter);
  }, WHOLE_MS);
  await look(a, b);
  await directTraffic(a, b, c);
  await sameState(nodes);
  for (const node of nodes) {
    await survives(nodes, node, "SIGTERM", 0);
    await survives(nodes, node, "SIGKILL", 137);
  }
}

/** Joiners talk to each other directly: what they exchange does not appear on the first node's card. */
async function directTraffic(a: MeshNode, b: MeshNode, c: MeshNode): Promise<void> {
  const { ipv4, ipv6 } = await c.addresses();
  for (const address of [ipv4, ipv6]) {
    const before = await cardBytes(a);
    const { bitsPerSecond } = await iperf(b.host, c.host, address, 1);
    const relayed = await cardBytes(a) - before;
    assert(bitsPerSecond > 1e6, `${address}: ${bitsPerSecond} bit/s`);
    assert(relayed < bitsPerSecond / 8 / 20, `${address}: ${relayed} bytes crossed the first node`);
  }
}

/** Equal state on every node, shown by equal hashes at an equal index. */
async function sameState(nodes: readonly MeshNode[]): Promise<void> {
  await eventually("equal state hashes", async () => {
    const statuses = await Promise.all(nodes.map((node) => node.mustStatus()));
    return new Set(statuses.map(({ raft }) => `${raft.appliedIndex} ${raft.stateHash}`)).size === 1;
  }, WHOLE_MS);
}

function identity({ id, addresses: { ipv4, ipv6, publicKey } }: StatusJson): Record<string, string> {
  return { id, ipv4, ipv6, publicKey };
}

async function survives(nodes: readonly MeshNode[], node: MeshNode, signal: Deno.Signal, code: number): Promise<void> {
  const before = await node.mustStatus();
  assert.equal(await node.end(signal), code);
  assert.doesNotMatch(await hostState(node), /weft0/, `${signal} left something on ${node.host.name}`);
  await node.start();
  const after = await node.mustStatus();
  assert.deepEqual(identity(after), identity(before), "the same addresses and key");
  await everyPairPings(nodes, WHOLE_MS);
  await eventually("one leader that all name", async () => {
    const statuses = await Promise.all(nodes.map((other) => other.mustStatus()));
    return new Set(statuses.map(({ currentLeader }) => currentLeader)).size === 1 && statuses[0]?.currentLeader !== "";
  }, WHOLE_MS);
}

labTest("mesh from source: forms, carries traffic, survives stops and kills", NEEDS, () => wholeMesh(sourceProgram()));

const COMPILED_NEEDS: readonly Need[] = [...NEEDS, "command:curl", "command:dig"];

labTest("mesh from the executable: forms, carries traffic, survives stops and kills", COMPILED_NEEDS, async () => {
  await using program = await compiledProgram();
  await wholeMesh(program, ["--feature", "metrics,mesh-dns"], scrapesAndResolves);
});

/** Plugins with packages of their own have them with them. */
async function scrapesAndResolves(a: MeshNode, b: MeshNode): Promise<void> {
  const metrics = await a.host.mustExec(["curl", "-sf", "http://127.0.0.1:8080/metrics"]);
  assert.match(metrics, /^weft_mesh_nodes 3$/m);
  assert.match(metrics, /^process_cpu_seconds_total [0-9.]+$/m);
  const dig = async (...args: string[]) =>
    (await a.host.mustExec(["dig", "+short", "@127.0.0.1", "-p", "5353", ...args])).trim();
  const { ipv4 } = await b.addresses();
  assert.equal(await dig("b.webmesh.internal", "A"), ipv4);
  assert.equal(await dig("+tcp", "-x", ipv4), "b.webmesh.internal.");
}

labTest("leave: gone from every table, and back at the same addresses", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const nodes = await formed(lab);
  const [a, b, c] = nodes;
  const before = await b.addresses();
  const left = await b.weft("leave");
  assert.equal(left.code, 0, left.stderr);
  assert.equal(await b.end("SIGCONT"), 0, "the node stops by itself");
  assert.doesNotMatch(await hostState(b), /weft0/);
  for (const node of [a, c]) {
    await eventually("b to be gone", async () => {
      const { raft, peers } = await node.mustStatus();
      return !raft.members.some(({ id }) => id === "b") && !peers.some(({ id }) => id === "b");
    }, WHOLE_MS);
  }
  await b.start("--join", `${a.host.ipv4}:8443`);
  assert.deepEqual(await b.addresses(), before);
  await everyPairPings(nodes, WHOLE_MS);
});
