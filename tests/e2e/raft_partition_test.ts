/**
 * The leader is cut off by a packet filter, the others go on, and nobody who could talk all the time notices anything.
 */
import { strict as assert } from "node:assert";
import { equalBytes } from "../../core/bytes/constant_time.ts";
import {
  APPLIED_INDEX_KEY,
  FRESHNESS_KEY,
  READ_CONSISTENCY_KEY,
  type ReadLevel,
} from "../../core/plugin/read_level.ts";
import { Control } from "../../proto/gen/weft/v1/control_pb.ts";
import { eventually } from "./lab/eventually.ts";
import type { Host } from "./lab/host.ts";
import type { LabProcess } from "./lab/process.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { everyPairPings, MeshLab, type MeshNode, READY_MS, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";
import { imageAt, statusOf, storedLog, wholeGroup } from "./raft_lab.ts";
import { Clients, Writers } from "./writers.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun", "command:nft"];

const TABLE = "inet partition";
const PING_INTERVAL_S = 0.1;
/** A longer time between two answers would be a gap. */
const GAP_MS = 1_000;

/** Lets a host neither send nor hear on its card; what runs on it goes on. */
async function cutOff(host: Host): Promise<void> {
  const chain = (hook: string, way: string) =>
    `add chain ${TABLE} ${hook} { type filter hook ${hook} priority 0; }\nadd rule ${TABLE} ${hook} ${way} eth0 drop`;
  const rules = `add table ${TABLE}\n${chain("input", "iifname")}\n${chain("output", "oifname")}\n`;
  await host.mustExec(["nft", "-f", "-"], { stdin: rules });
}

async function reconnect(host: Host): Promise<void> {
  await host.mustExec(["nft", "delete", "table", ...TABLE.split(" ")]);
}

/** Echo requests until the end of the test. */
async function pingWithoutPause(from: MeshNode, to: MeshNode): Promise<LabProcess> {
  const { ipv4 } = await to.addresses();
  const process = from.host.spawn(["ping", "-n", "-i", `${PING_INTERVAL_S}`, ipv4]);
  await process.waitForLine((line) => line.includes("icmp_seq=1 "), WHOLE_MS);
  return process;
}

/** @throws {AssertionError} If a request was not answered, but for the last one, or late. */
async function assertNoGap(ping: LabProcess): Promise<void> {
  ping.signal("SIGINT");
  await ping.ended(WHOLE_MS);
  const summary = ping.lines.join("\n");
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(summary) ?? [];
  assert(Number(sent) > 10 && Number(sent) - Number(received) <= 1, `${received} of ${sent} answered`);
  const longestMs = Number(/mdev = [\d.]+\/[\d.]+\/([\d.]+)\//.exec(summary)?.[1]);
  assert(longestMs < GAP_MS, `the longest took ${longestMs} ms`);
}

/** The index that an answer shows; rejects if the node does not answer at that level. */
async function read(clients: Clients, node: MeshNode, metadata: Record<string, string>): Promise<number> {
  const { trailers } = await clients.of(node).unary(Control.method.listNodes, {}, { metadata });
  return Number(trailers.get(APPLIED_INDEX_KEY));
}

function readAt(clients: Clients, node: MeshNode, level: ReadLevel["kind"]): Promise<number> {
  return read(clients, node, { [READ_CONSISTENCY_KEY]: level });
}

/** Who led in which term, as all nodes have logged it. */
function assertOneLeaderPerTerm(nodes: readonly MeshNode[]): void {
  const leaders = new Map<string, string>();
  for (const node of nodes) {
    for (const line of node.lines) {
      const term = /"message":"leading","term":(\d+)/.exec(line)?.[1];
      if (term === undefined) continue;
      assert.equal(leaders.get(term), undefined, `${node.host.name} and ${leaders.get(term)} led term ${term}`);
      leaders.set(term, node.host.name);
    }
  }
  assert(leaders.size >= 2, "two leaders, each in a term of its own");
}

labTest("partition: the leader is cut off, the others write on, and it follows when it is back", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  await using clients = new Clients();
  const nodes = [await lab.node("a"), await lab.node("b"), await lab.node("c")] as const;
  const [a, b, c] = nodes;
  await a.start("--bootstrap");
  await Promise.all([b, c].map((node) => node.start("--join", `${a.host.ipv4}:8443`, "--as-voter")));
  await wholeGroup(clients, { voters: nodes });
  await everyPairPings(nodes, WHOLE_MS);
  const addresses = await Promise.all(nodes.map((node) => node.addresses()));

  await using writers = new Writers(2, () => nodes);
  await writers.nextAfter(performance.now(), WHOLE_MS);
  const old = await wholeGroup(clients, { voters: nodes });
  const [left, right] = nodes.filter((node) => node !== old);
  assert(left && right);
  const term = (await statusOf(clients, old))?.raft?.term ?? 0n;
  const pings = [await pingWithoutPause(left, right), await pingWithoutPause(right, left)];

  await cutOff(old.host);
  await writers.nextAfter(performance.now(), READY_MS);
  const next = await wholeLeader(clients, [left, right]);
  assert(next !== old);
  await eventually("the old leader to step down", async () => {
    return (await statusOf(clients, old))?.raft?.role !== "leader";
  }, WHOLE_MS);

  const stale = await readAt(clients, old, "none");
  const fresh = await readAt(clients, next, "linearizable");
  assert(stale < fresh, `${stale} before ${fresh}`);
  for (const level of ["weak", "linearizable", "strong"] as const) {
    await assert.rejects(readAt(clients, old, level), { reason: "no-leader" }, level);
    await readAt(clients, next, level);
  }
  await assert.rejects(read(clients, old, { [FRESHNESS_KEY]: "500ms" }), { reason: "unavailable" });
  await read(clients, left, { [FRESHNESS_KEY]: "2s" });

  await reconnect(old.host);
  const leader = await wholeGroup(clients, { voters: nodes });
  assert(((await statusOf(clients, leader))?.raft?.term ?? 0n) > term);
  await Promise.all(pings.map(assertNoGap));
  for (const node of nodes) await writers.check(node);
  assert.deepEqual(await Promise.all(nodes.map((node) => node.addresses())), addresses);
  assertOneLeaderPerTerm(nodes);
  await everyPairPings(nodes, WHOLE_MS);

  await writers[Symbol.asyncDispose]();
  for (const node of nodes) assert.equal(await node.end("SIGTERM"), 0);
  await assertSameImages(nodes);
});

/** Whatever a node has lived through: its log leads to the same bytes as another one's. */
async function assertSameImages(nodes: readonly MeshNode[]): Promise<void> {
  const logs = await Promise.all(nodes.map(storedLog));
  const index = Math.min(...logs.map(({ hardState }) => hardState.commit));
  const [first, ...others] = await Promise.all(logs.map((log, position) => imageAt(log, index, 1 + 10 * position)));
  assert(first && index > 20);
  for (const other of others) assert(equalBytes(first, other), `two images of the state at ${index} differ`);
}

/** The leader that all of `nodes` name. */
async function wholeLeader(clients: Clients, nodes: readonly MeshNode[]): Promise<MeshNode> {
  return await eventually("one leader", async () => {
    const names = (await Promise.all(nodes.map((node) => statusOf(clients, node)))).map((status) =>
      status?.raft?.leader
    );
    return new Set(names).size === 1 && nodes.find(({ host }) => host.name === names[0]);
  }, READY_MS);
}
