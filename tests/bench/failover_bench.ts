/**
 * How long writes stop when the leader is killed: `deno run -A tests/bench/failover_bench.ts [options]`.
 *
 * ```text
 * --kills N    how often (50)
 * --clients N  writers without pause (4)
 * --json       every time, instead of a table
 * ```
 *
 * Three voters, each a process of this program in a network namespace of its own, with its tunnel and with the timers that
 * every node has. The leader is killed with SIGKILL at a random moment; what counts is the time from the signal to the first
 * acknowledgement of a write that began after it, in the eyes of clients that know nothing and ask one node after the other.
 * Then the killed node is started again, and has to have everything before the next one goes. In the end every node must
 * hold all that was acknowledged.
 *
 * @module
 */
import { PLAIN_LAYOUT, renderTable } from "../../core/cli/format.ts";
import { delay } from "../../core/io/alarm.ts";
import { LAB_NEEDS, missing } from "../e2e/lab/requirements.ts";
import { MeshLab, READY_MS } from "../e2e/mesh_lab.ts";
import { sourceProgram } from "../e2e/programs.ts";
import { wholeGroup } from "../e2e/raft_lab.ts";
import { Clients, Writers } from "../e2e/writers.ts";

/** Half a second of heartbeats: no kill keeps step with them. */
const PHASE_MS = 500;

function option(name: string, otherwise: number): number {
  const position = Deno.args.indexOf(`--${name}`);
  return position < 0 ? otherwise : Number(Deno.args[position + 1]);
}

/** What was found. */
interface Findings {
  readonly timesMs: readonly number[];
  readonly writesPerSecond: number;
}

async function measure(killCount: number, clientCount: number): Promise<Findings> {
  await using lab = await MeshLab.create(sourceProgram());
  await using clients = new Clients();
  const nodes = [await lab.node("a"), await lab.node("b"), await lab.node("c")] as const;
  const [a, ...others] = nodes;
  await a.start("--bootstrap");
  for (const node of others) await node.start("--join", `${a.host.ipv4}:8443`, "--as-voter");
  await wholeGroup(clients, { voters: nodes });
  await using writers = new Writers(clientCount, () => nodes);
  const timesMs: number[] = [];
  const startMs = performance.now();
  for (let kill = 0; kill < killCount; kill++) {
    const leader = await wholeGroup(clients, { voters: nodes });
    await delay(Math.random() * PHASE_MS);
    leader.signal("SIGKILL");
    const killedMs = performance.now();
    timesMs.push(await writers.nextAfter(killedMs, READY_MS) - killedMs);
    console.error(`${kill + 1}: ${Math.round(timesMs.at(-1) ?? 0)} ms`);
    await leader.end("SIGKILL");
    await leader.start();
  }
  await wholeGroup(clients, { voters: nodes });
  for (const node of nodes) await writers.check(node);
  const seconds = (performance.now() - startMs) / 1_000;
  return { timesMs, writesPerSecond: writers.acknowledged.length / seconds };
}

/** The smallest value that at least the share `q` of all values does not exceed. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
}

async function main(): Promise<number> {
  const reasons = [...LAB_NEEDS, "tun" as const].flatMap((need) => missing(need) ?? []);
  if (reasons.length > 0) {
    console.error(`Cannot be measured here: ${reasons.join(", ")}.`);
    return 1;
  }
  const { timesMs, writesPerSecond } = await measure(option("kills", 50), option("clients", 4));
  const sorted = [...timesMs].sort((x, y) => x - y);
  const found = {
    kills: sorted.length,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1),
  };
  if (Deno.args.includes("--json")) console.log(JSON.stringify({ ...found, writesPerSecond, timesMs }));
  else {
    const cells = Object.values({ ...found, writesPerSecond }).map((value) => String(Math.round(value ?? NaN)));
    const header = ["KILLS", "P50 MS", "P99 MS", "MAX MS", "WRITES/S WITH THE GAPS"];
    console.log(renderTable(header, [cells], PLAIN_LAYOUT).join("\n"));
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main());
