/**
 * What a mesh costs that nobody uses: `deno run -A tests/bench/idle_bench.ts [--seconds N] [--json]` (as root).
 *
 * Four nodes on four hosts, so that each has three peers, start, find each other, and are left alone. Counted is the
 * processor time of every thread of every node, the kernel's part included, once they have settled.
 *
 * @module
 */
import { delay } from "../../core/io/alarm.ts";
import { everyPairPings, MeshLab, type MeshNode, WHOLE_MS } from "../e2e/mesh_lab.ts";
import { LAB_NEEDS, missing } from "../e2e/lab/requirements.ts";
import { eventually } from "../e2e/lab/eventually.ts";
import { sourceProgram } from "../e2e/programs.ts";

const NODE_COUNT = 4;
const SECONDS = 20;
/** After this time nobody compiles, joins or measures anything any more. */
const SETTLE_MS = 120_000;

/** Nanoseconds that threads have had, by thread. */
type Times = ReadonlyMap<string, number>;

/** What was found of one node. */
interface Finding {
  readonly node: string;
  readonly role: string;
  /** Of one processor. */
  readonly percent: number;
  readonly residentMegabytes: number;
  /** The busiest threads. */
  readonly threads: readonly { readonly name: string; readonly percent: number }[];
}

function timesOf(pid: string): Times {
  const tasks = [...Deno.readDirSync(`/proc/${pid}/task`)];
  return new Map(tasks.map(({ name }) => {
    const path = `/proc/${pid}/task/${name}`;
    const [ranNs] = Deno.readTextFileSync(`${path}/schedstat`).split(" ");
    return [`${Deno.readTextFileSync(`${path}/comm`).trim()} ${name}`, Number(ranNs)];
  }));
}

async function pidOf({ host }: MeshNode): Promise<string> {
  const { stdout } = await host.exec(["ip", "netns", "pids", host.namespace]);
  const pids = stdout.split("\n").filter((pid) => pid !== "");
  const found = pids.find((pid) => Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes("\0run\0"));
  if (found === undefined) throw new Error(`The node on ${host.name} runs`);
  return found;
}

async function measure(seconds: number): Promise<Finding[]> {
  await using lab = await MeshLab.create(sourceProgram());
  const nodes: MeshNode[] = [];
  for (let i = 0; i < NODE_COUNT; i++) {
    const node = await lab.node(`n${i}`);
    await node.start(...(i === 0 ? ["--bootstrap"] : ["--join", `${nodes[0]?.host.ipv4}:8443`, "--as-voter"]));
    nodes.push(node);
  }
  await everyPairPings(nodes, WHOLE_MS);
  await eventually(
    "votes for all",
    async () => (await nodes[0]?.mustStatus())?.raft.members.every((member) => member.voter) ?? false,
    WHOLE_MS,
  );
  const pids = await Promise.all(nodes.map(pidOf));
  await delay(SETTLE_MS);
  const before = pids.map(timesOf);
  const started = performance.now();
  await delay(seconds * 1_000);
  const tookNs = (performance.now() - started) * 1e6;
  const after = pids.map(timesOf);
  return await Promise.all(nodes.map(async (node, index) => {
    const spent = [...after[index] ?? []].map(([name, ns]) => ({
      name,
      percent: 100 * (ns - (before[index]?.get(name) ?? 0)) / tookNs,
    })).sort((a, b) => b.percent - a.percent);
    return {
      node: node.host.name,
      role: (await node.mustStatus()).raft.role,
      percent: spent.reduce((sum, { percent }) => sum + percent, 0),
      residentMegabytes: residentMegabytes(pids[index] ?? ""),
      threads: spent.slice(0, 4),
    };
  }));
}

function residentMegabytes(pid: string): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
  return Number(kilobytes) / 1024;
}

if (import.meta.main) {
  const at = Deno.args.indexOf("--seconds");
  const seconds = at < 0 ? SECONDS : Number(Deno.args[at + 1]);
  const unmet = [...LAB_NEEDS, "tun" as const].flatMap((need) => missing(need) ?? []).join(", ");
  if (unmet !== "") {
    console.error(`Cannot measure: ${unmet}`);
    Deno.exit(1);
  }
  const findings = await measure(seconds);
  if (Deno.args.includes("--json")) console.log(JSON.stringify({ seconds, findings }, undefined, 2));
  else {
    console.log(`Idle for ${seconds} s, ${NODE_COUNT} nodes, percent of one processor`);
    for (const { node, role, percent, residentMegabytes, threads } of findings) {
      const parts = threads.map(({ name, percent }) => `${name.replace(/ \d+$/, "")} ${percent.toFixed(2)}`).join(", ");
      console.log(`${node}  ${role.padEnd(9)} ${percent.toFixed(2)} %  ${residentMegabytes.toFixed(0)} MB  (${parts})`);
    }
  }
}
