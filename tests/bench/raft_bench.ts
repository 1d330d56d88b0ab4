/**
 * Replicated writes and linearizable reads against other systems: `deno run -A tests/bench/raft_bench.ts [options]`.
 *
 * ```text
 * --seconds N      of each measurement (3)
 * --warm-up N      seconds of writes by 64 clients before all of them (5); each begins with another second
 * --clients A,B    numbers of clients that write (1,16,64,256,1000)
 * --readers A,B    numbers of clients that read (64)
 * --only A,B       names of systems
 * --programs DIR   where programs are looked for before their usual places
 * --directory DIR  on the disk for all logs (/var/tmp)
 * --json           everything that was found, instead of a table
 * ```
 *
 * Three members of each system on loopback, one system at a time, logs on the same file system and synced. Each write of
 * 256 bytes is a gRPC call of the same client program to the leader (HTTP for rqlite, which has no gRPC). Nothing counts
 * before it is verified: every key is read back with its last value and as many writes as were acknowledged, and all
 * members hold the same.
 *
 * @module
 */
import { LabProcess } from "../e2e/lab/process.ts";
import { type DiskFigure, measureDisk } from "./raft/disk.ts";
import type { LoadConfig, LoadResult } from "./raft/load_main.ts";
import { type Cluster, findSystems, type System } from "./raft/systems.ts";

const LOAD_PROGRAM = new URL("./raft/load_main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
/** Keys of one measurement, so that the state stays small. */
const KEY_COUNT = 4_000;
/** Callers that share one connection: below every server's limit of calls on one. */
const CLIENTS_PER_CONNECTION = 64;
const TICKS_PER_SECOND = 100;
const DEADLINE_MS = 60_000;
const BEGIN_MS = 1000;
const WARM_UP_CLIENTS = 64;

/** One measurement of one system. */
interface Measurement extends LoadResult {
  readonly operation: LoadConfig["operation"];
  readonly clients: number;
  /** Processor time of all members for each call, in microseconds, the leader's alone and of all. */
  readonly leaderUs: number;
  readonly membersUs: number;
}

/** What was found of one system. */
interface Outcome {
  readonly name: string;
  readonly missing: string | undefined;
  readonly measurements: readonly Measurement[];
}

/** What the command line says. */
interface Options {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly clients: readonly number[];
  readonly readers: readonly number[];
  readonly only: readonly string[];
  readonly programs: string | undefined;
  readonly directory: string;
  readonly isJson: boolean;
}

/** Processor time of a process so far, in microseconds (proc(5), `utime` and `stime` of its stat file). */
function processorUs(processId: number): number {
  const fields = Deno.readTextFileSync(`/proc/${processId}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 1e6 / TICKS_PER_SECOND;
}

async function measure(
  system: System,
  cluster: Cluster,
  operation: LoadConfig["operation"],
  clients: number,
  seconds: number,
  prefix = `key-${clients}-`,
): Promise<Measurement> {
  const config: LoadConfig = {
    dialect: system.dialect,
    target: cluster.leader,
    clients,
    connections: Math.ceil(clients / CLIENTS_PER_CONNECTION),
    operation,
    warmUpMs: BEGIN_MS,
    measureMs: seconds * 1000,
    keyCount: Math.max(KEY_COUNT, clients),
    prefix,
  };
  const before = cluster.processIds.map(processorUs);
  await using load = new LabProcess([
    ...[Deno.execPath(), "run", "-A", "--no-check", "--config", CONFIG],
    ...[LOAD_PROGRAM, JSON.stringify(config)],
  ]);
  await load.waitForLine((text) => text === "done", seconds * 1000 + DEADLINE_MS);
  const used = cluster.processIds.map((id, i) => processorUs(id) - (before[i] ?? 0));
  const line = await load.waitForLine((text) => text.startsWith("result "), DEADLINE_MS);
  await cluster.verifyEqual();
  const result: LoadResult = JSON.parse(line.slice("result ".length));
  return {
    ...result,
    operation,
    clients,
    leaderUs: (used[0] ?? 0) / result.callCount,
    membersUs: used.reduce((sum, time) => sum + time, 0) / result.callCount,
  };
}

async function measureSystem(system: System, options: Options): Promise<Outcome> {
  const { name, missing } = system;
  if (missing !== undefined) return { name, missing, measurements: [] };
  const directory = await Deno.makeTempDir({ dir: options.directory, prefix: `weft-raft-bench-${name}-` });
  try {
    await using cluster = await system.start(directory);
    const measurements: Measurement[] = [];
    // So that everything is compiled that is compiled as it runs, and files have their size.
    if (options.warmUpSeconds > 0) {
      await measure(system, cluster, "write", WARM_UP_CLIENTS, options.warmUpSeconds, "warm-");
    }
    for (const clients of options.clients) {
      measurements.push(await measure(system, cluster, "write", clients, options.seconds));
    }
    for (const clients of options.readers) {
      measurements.push(await measure(system, cluster, "read", clients, options.seconds));
    }
    return { name, missing, measurements };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function rowName({ operation, clients }: Pick<Measurement, "operation" | "clients">): string {
  return `${operation}s, ${clients} client${clients === 1 ? "" : "s"}`;
}

function table(outcomes: readonly Outcome[], disk: DiskFigure): string {
  const own = outcomes[0];
  const lines = [["", "system", "1/s", "p50 ms", "p99 ms", "µs/call: leader", "members", "client", "weft is"]];
  const measured = outcomes.filter(({ missing }) => missing === undefined);
  for (const row of measured[0]?.measurements ?? []) {
    for (const outcome of measured) {
      const found = outcome.measurements.find((other) => rowName(other) === rowName(row));
      const ours = own?.measurements.find((other) => rowName(other) === rowName(row));
      if (!found) continue;
      lines.push([
        rowName(row),
        outcome.name,
        found.perSecond.toFixed(0),
        (found.p50Us / 1000).toFixed(2),
        (found.p99Us / 1000).toFixed(2),
        found.leaderUs.toFixed(0),
        found.membersUs.toFixed(0),
        found.processorUs.toFixed(0),
        ours && outcome !== own ? `${(ours.perSecond / found.perSecond).toFixed(2)} x` : "",
      ]);
    }
  }
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0))) ?? [];
  const pad = (cell: string, i: number) => i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  return [
    ...lines.map((line) => line.map(pad).join("  ").trimEnd()),
    ...outcomes.filter(({ missing }) => missing !== undefined).map(({ name, missing }) => `${name}: ${missing}`),
    `fdatasync (${disk.by}): p50 ${disk.p50Us.toFixed(0)} µs, p99 ${disk.p99Us.toFixed(0)} µs`,
    `load of the machine at the end: ${Deno.loadavg()[0]?.toFixed(1)}`,
  ].join("\n");
}

function parseOptions(args: readonly string[]): Options {
  const value = (name: string) => {
    const prefix = `--${name}=`;
    const joined = args.find((arg) => arg.startsWith(prefix))?.slice(prefix.length);
    const position = args.indexOf(`--${name}`);
    return joined ?? (position < 0 ? undefined : args[position + 1]);
  };
  const numbers = (name: string, otherwise: string) =>
    (value(name) ?? otherwise).split(",").filter((text) => text !== "").map(Number);
  return {
    seconds: Number(value("seconds") ?? "3"),
    warmUpSeconds: Number(value("warm-up") ?? "5"),
    clients: numbers("clients", "1,16,64,256,1000"),
    readers: numbers("readers", "64"),
    only: (value("only") ?? "").split(",").filter((text) => text !== ""),
    programs: value("programs"),
    directory: value("directory") ?? "/var/tmp",
    isJson: args.includes("--json"),
  };
}

async function main(): Promise<void> {
  const options = parseOptions(Deno.args);
  const systems = findSystems(options.programs).filter(({ name }) =>
    options.only.length === 0 || options.only.includes(name)
  );
  const directory = await Deno.makeTempDir({ dir: options.directory, prefix: "weft-raft-bench-" });
  const disk = await measureDisk(directory).finally(() => Deno.remove(directory, { recursive: true }));
  const outcomes: Outcome[] = [];
  for (const system of systems) outcomes.push(await measureSystem(system, options));
  console.log(options.isJson ? JSON.stringify({ disk, outcomes }, undefined, 2) : table(outcomes, disk));
}

await main();
