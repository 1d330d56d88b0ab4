/**
 * What a mesh costs that nobody uses: `deno run -A tests/bench/idle_bench.ts [options]` (as root).
 *
 * ```text
 * --plugins    what all plugins together cost a node, instead
 * --seconds N  how long is measured (20)
 * --settle N   seconds before: nobody compiles, joins or measures anything any more (120)
 * --json       everything that was found, instead of a table
 * ```
 *
 * Four nodes on four hosts, so that each has three peers, start, find each other, and are left alone. Counted is the
 * processor time of every thread of every node, the kernel's part included, once they have settled.
 *
 * With `--plugins` three nodes: one leads, one follows without plugins, one follows with all that can be asked for. What
 * the last two differ by is what the plugins cost: memory is what the process alone has written (`Private_Dirty` of
 * smaps_rollup), resident and proportional size beside it.
 *
 * @module
 */
import { PLAIN_LAYOUT, renderTable } from "../../core/cli/format.ts";
import { delay } from "../../core/io/alarm.ts";
import { everyPairPings, MeshLab, type MeshNode, WHOLE_MS } from "../e2e/mesh_lab.ts";
import { LAB_NEEDS, missing } from "../e2e/lab/requirements.ts";
import { eventually } from "../e2e/lab/eventually.ts";
import { sourceProgram } from "../e2e/programs.ts";

/** Of one processor, for a node with three peers. */
const NODE_PERCENT_MAX = 0.5;
/** Of one processor, for all plugins together. */
const PLUGINS_PERCENT_MAX = 1;
const PLUGINS_MEGABYTES_MAX = 40;

const FEATURES = ["leader-proxy", "mesh-api", "peer-discovery", "metrics", "mesh-dns"];

/** Nanoseconds that threads have had, by thread. */
type Times = ReadonlyMap<string, number>;

/** How much memory a process has, in megabytes. */
interface Memory {
  readonly resident: number;
  /** Pages that several processes have are shared out between them. */
  readonly proportional: number;
  /** Written, and nobody else's. */
  readonly privateDirty: number;
}

/** What was found of one node. */
interface Finding {
  readonly node: string;
  readonly role: string;
  /** Those that run. */
  readonly plugins: readonly string[];
  /** Of one processor. */
  readonly percent: number;
  readonly megabytes: Memory;
  /** The busiest threads. */
  readonly threads: readonly { readonly name: string; readonly percent: number }[];
}

/** A figure against what it may be at most. */
interface Judged {
  readonly what: string;
  readonly unit: string;
  readonly found: number;
  readonly below: number;
  readonly isMet: boolean;
}

function timesOf(pid: string): Times {
  const tasks = [...Deno.readDirSync(`/proc/${pid}/task`)];
  return new Map(tasks.map(({ name }) => {
    const path = `/proc/${pid}/task/${name}`;
    const [ranNs] = Deno.readTextFileSync(`${path}/schedstat`).split(" ");
    return [`${Deno.readTextFileSync(`${path}/comm`).trim()} ${name}`, Number(ranNs)];
  }));
}

function memoryOf(pid: string): Memory {
  const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const megabytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(rollup)?.[1]) / 1024;
  return {
    resident: megabytes("Rss"),
    proportional: megabytes("Pss"),
    privateDirty: megabytes("Private_Dirty"),
  };
}

async function pidOf({ host }: MeshNode): Promise<string> {
  const { stdout } = await host.exec(["ip", "netns", "pids", host.namespace]);
  const pids = stdout.split("\n").filter((pid) => pid !== "");
  const found = pids.find((pid) => Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes("\0run\0"));
  if (found === undefined) throw new Error(`The node on ${host.name} runs`);
  return found;
}

async function runningPlugins(node: MeshNode): Promise<string[]> {
  const { stdout } = await node.weft("plugins", "--json");
  const { plugins } = JSON.parse(stdout) as {
    readonly plugins: readonly { readonly name: string; readonly phase: string }[];
  };
  return plugins.filter(({ phase }) => phase === "running").map(({ name }) => name);
}

/** @param options Of `weft run`, for each node by its name; the first one makes the mesh. */
async function measure(
  options: Readonly<Record<string, readonly string[]>>,
  settleSeconds: number,
  seconds: number,
): Promise<Finding[]> {
  await using lab = await MeshLab.create(sourceProgram());
  const nodes: MeshNode[] = [];
  for (const [name, own] of Object.entries(options)) {
    const node = await lab.node(name);
    const [first] = nodes;
    await node.start(...first ? ["--join", `${first.host.ipv4}:8443`, "--as-voter"] : ["--bootstrap"], ...own);
    nodes.push(node);
  }
  await everyPairPings(nodes, WHOLE_MS);
  await eventually(
    "votes for all",
    async () => (await nodes[0]?.mustStatus())?.raft.members.every((member) => member.voter) ?? false,
    WHOLE_MS,
  );
  const pids = await Promise.all(nodes.map(pidOf));
  await delay(settleSeconds * 1_000);
  const before = pids.map(timesOf);
  const started = performance.now();
  await delay(seconds * 1_000);
  const tookNs = (performance.now() - started) * 1e6;
  const after = pids.map(timesOf);
  const memory = pids.map(memoryOf);
  const findings: Finding[] = [];
  for (const [index, node] of nodes.entries()) {
    const spent = [...after[index] ?? []].map(([name, ns]) => ({
      name,
      percent: 100 * (ns - (before[index]?.get(name) ?? 0)) / tookNs,
    })).sort((a, b) => b.percent - a.percent);
    findings.push({
      node: node.host.name,
      role: (await node.mustStatus()).raft.role,
      plugins: await runningPlugins(node),
      percent: spent.reduce((sum, { percent }) => sum + percent, 0),
      megabytes: memory[index] ?? memoryOf(pids[index] ?? ""),
      threads: spent.slice(0, 4),
    });
  }
  return findings;
}

function judged(what: string, unit: string, found: number, below: number): Judged {
  return { what, unit, found, below, isMet: found < below };
}

function judgeNodes(findings: readonly Finding[]): Judged[] {
  return [
    judged("the busiest node", "% of a processor", Math.max(...findings.map((node) => node.percent)), NODE_PERCENT_MAX),
  ];
}

function judgePlugins(findings: readonly Finding[]): Judged[] {
  const [bare, full] = [findings.find(({ node }) => node === "bare"), findings.find(({ node }) => node === "full")];
  if (!bare || !full) throw new Error("One node is without plugins, and one has them all");
  const names = FEATURES.map((feature) => feature.replaceAll("-", "_"));
  const isAsAsked = names.every((name) => full.plugins.includes(name) && !bare.plugins.includes(name));
  if (!isAsAsked) throw new Error(`Not the plugins that were asked for: ${bare.plugins} and ${full.plugins}`);
  if (bare.role !== full.role) throw new Error(`They do different things: ${bare.role} and ${full.role}`);
  const dirty = full.megabytes.privateDirty - bare.megabytes.privateDirty;
  const resident = full.megabytes.resident - bare.megabytes.resident;
  return [
    judged("all plugins, processor", "% of a processor", full.percent - bare.percent, PLUGINS_PERCENT_MAX),
    judged("all plugins, private dirty memory", "MB", dirty, PLUGINS_MEGABYTES_MAX),
    judged("all plugins, resident memory", "MB", resident, PLUGINS_MEGABYTES_MAX),
  ];
}

function print(findings: readonly Finding[], verdicts: readonly Judged[]): void {
  const header = [
    "NODE",
    "ROLE",
    "% OF A PROCESSOR",
    "RESIDENT MB",
    "PROPORTIONAL MB",
    "PRIVATE DIRTY MB",
    "BUSIEST THREADS, %",
  ];
  const rows = findings.map(({ node, role, percent, megabytes, threads }) => [
    node,
    role,
    percent.toFixed(2),
    ...[megabytes.resident, megabytes.proportional, megabytes.privateDirty].map((value) => value.toFixed(0)),
    threads.map(({ name, percent }) => `${name.replace(/ \d+$/, "")} ${percent.toFixed(2)}`).join(", "),
  ]);
  for (const line of renderTable(header, rows, PLAIN_LAYOUT)) console.log(line);
  console.log("");
  const judgement = verdicts.map(({ what, unit, found, below, isMet }) => [
    what,
    `${found.toFixed(2)} ${unit}`,
    `below ${below} ${unit}`,
    isMet ? "met" : "missed",
  ]);
  for (const line of renderTable(["FIGURE", "FOUND", "TARGET", "VERDICT"], judgement, PLAIN_LAYOUT)) console.log(line);
}

function option(name: string, otherwise: number): number {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(Deno.args[at + 1]);
}

if (import.meta.main) {
  const unmet = [...LAB_NEEDS, "tun" as const].flatMap((need) => missing(need) ?? []).join(", ");
  if (unmet !== "") {
    console.error(`Cannot measure: ${unmet}`);
    Deno.exit(1);
  }
  const seconds = option("seconds", 20);
  const settleSeconds = option("settle", 120);
  const withPlugins = Deno.args.includes("--plugins");
  const all = FEATURES.flatMap((feature) => ["--feature", feature]);
  const nodes = withPlugins ? { leader: [], bare: [], full: all } : { n0: [], n1: [], n2: [], n3: [] };
  const findings = await measure(nodes, settleSeconds, seconds);
  const verdicts = withPlugins ? judgePlugins(findings) : judgeNodes(findings);
  if (Deno.args.includes("--json")) {
    const features = withPlugins ? FEATURES : [];
    console.log(JSON.stringify({ seconds, settleSeconds, features, findings, verdicts }, undefined, 2));
  } else {
    console.log(
      `Idle for ${seconds} s, after ${settleSeconds} s${withPlugins ? `; full has ${FEATURES.join(", ")}` : ""}`,
    );
    print(findings, verdicts);
  }
}
