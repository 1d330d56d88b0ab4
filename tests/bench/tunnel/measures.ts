/**
 * What is measured between two ends of a tunnel that is up: each measure is one column of the table.
 *
 * @module
 */
import { eventually } from "../../e2e/lab/eventually.ts";
import type { Host } from "../../e2e/lab/host.ts";
import { ping } from "../../e2e/lab/traffic.ts";
import type { Received, Sent } from "./blast.ts";
import { type End, MTU } from "./subjects.ts";

/** Two ends and how long to load them. */
export interface Bench {
  readonly left: End;
  readonly right: End;
  /** Address of the right end, through the tunnel. */
  readonly target: string;
  readonly seconds: number;
}

/** Names of the columns; every one is a number. */
export type MeasureName =
  | "one stream"
  | "four streams"
  | "both ways"
  | "small packets"
  | "ping p50"
  | "ping p99"
  | "processor";

/** A column. */
export interface Measure {
  readonly name: MeasureName;
  readonly unit: string;
  readonly isMoreBetter: boolean;
  readonly digits: number;
}

/** All columns, in order. */
export const MEASURES: readonly Measure[] = [
  { name: "one stream", unit: "Gbit/s", isMoreBetter: true, digits: 2 },
  { name: "processor", unit: "µs/packet", isMoreBetter: false, digits: 2 },
  { name: "four streams", unit: "Gbit/s", isMoreBetter: true, digits: 2 },
  { name: "both ways", unit: "Gbit/s", isMoreBetter: true, digits: 2 },
  { name: "small packets", unit: "1000/s", isMoreBetter: true, digits: 1 },
  { name: "ping p50", unit: "µs", isMoreBetter: false, digits: 0 },
  { name: "ping p99", unit: "µs", isMoreBetter: false, digits: 0 },
];

/** What one round found; measures that were not asked for are absent. */
export type Findings = Partial<Record<MeasureName, number>>;

const DEADLINE_MS = 10_000;
/** IPv4 and TCP header with timestamps. */
const TCP_HEADER_BYTES = 52;
/** Payload of a full packet in the tunnel. */
export const SEGMENT_BYTES: number = MTU - TCP_HEADER_BYTES;
const TICKS_PER_SECOND = 100;

const PING_COUNT = 1_000;
const PING_INTERVAL_SECONDS = 0.003;

const BLAST = new URL("./blast.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const BLAST_PORT = 9999;
const SMALL_SECONDS = 1;
const LOSS_MAX = 0.001;
/** Packets per second at first, and below which the search ends. */
const RATE_FIRST = 40_000;
const RATE_MIN = 2_000;
const RATE_GROWTH = 1.5;
/** The least step of the search. */
const RATE_STEP = 0.06;
/** A sender that reaches less of what it is asked for is the limit itself. */
const SENDER_SHARE_MIN = 0.97;

/** Takes every measure named. The tunnel answers an echo request first. */
export async function measure(bench: Bench, names: ReadonlySet<MeasureName>): Promise<Findings> {
  await eventually("an answer", () => ping(bench.left.host, bench.target), DEADLINE_MS);
  const findings: Findings = {};
  if (names.has("one stream") || names.has("processor")) Object.assign(findings, await measureOneStream(bench));
  if (names.has("four streams")) findings["four streams"] = await measureStreams(bench, ["--parallel", "4"]);
  if (names.has("both ways")) findings["both ways"] = await measureStreams(bench, ["--bidir"]);
  if (names.has("small packets")) findings["small packets"] = await measureSmallPackets(bench) / 1_000;
  // Last, when all of them are warm.
  if (names.has("ping p50") || names.has("ping p99")) Object.assign(findings, await measurePing(bench));
  return findings;
}

/** Times of echo requests on a tunnel that does nothing else, in microseconds. */
async function measurePing({ left, target }: Bench): Promise<Findings> {
  // Into a file: what reads its lines as they come would take the processors in turns with the tunnel.
  const file = await Deno.makeTempFile({ prefix: "weft-ping-" });
  try {
    const ping = `ping -n -c ${PING_COUNT} -i ${PING_INTERVAL_SECONDS} ${target} > ${file}`;
    await left.host.mustExec(["sh", "-c", ping], { deadlineMs: DEADLINE_MS });
    const times = (await Deno.readTextFile(file)).matchAll(/time=([\d.]+) ms/g);
    const timesUs = Array.from(times, ([, ms]) => Number(ms) * 1_000).sort((a, b) => a - b);
    const at = (share: number) => timesUs[Math.floor(timesUs.length * share)] ?? NaN;
    return { "ping p50": at(0.5), "ping p99": at(0.99) };
  } finally {
    await Deno.remove(file);
  }
}

async function measureOneStream(bench: Bench): Promise<Findings> {
  const pids = [await tunnelPids(bench.left.host), await tunnelPids(bench.right.host)].flat();
  const before = ticksOf(pids);
  const { end } = await runIperf(bench, []);
  const ticks = ticksOf(pids) - before;
  const { bits_per_second, bytes } = end.sum_received;
  const packets = bytes / SEGMENT_BYTES;
  return {
    "one stream": bits_per_second / 1e9,
    ...(pids.length > 0 && { "processor": ticks / TICKS_PER_SECOND * 1e6 / packets }),
  };
}

/** Gigabits per second of all streams together. */
async function measureStreams(bench: Bench, options: readonly string[]): Promise<number> {
  const { end } = await runIperf(bench, options);
  return (end.sum_received.bits_per_second + (end.sum_received_bidir_reverse?.bits_per_second ?? 0)) / 1e9;
}

/**
 * Datagrams of 64 bytes per second of which no more than one in a thousand is lost: the rate grows by half until too many
 * are, and then the limit is closed in on.
 */
async function measureSmallPackets(bench: Bench): Promise<number> {
  let [best, good, bad] = [0, 0, Infinity];
  let rate = RATE_FIRST;
  while (bad === Infinity || bad - good > good * RATE_STEP) {
    const { sent, received } = await runBlast(bench, Math.round(rate));
    const isFine = received.count >= sent.count * (1 - LOSS_MAX);
    const sentRate = sent.count / sent.seconds;
    if (isFine) best = Math.max(best, received.count / sent.seconds);
    // What the sender cannot offer is not the tunnel's to lose.
    if (isFine && sentRate < rate * SENDER_SHARE_MIN) break;
    if (isFine) good = rate;
    else bad = rate;
    rate = bad === Infinity ? good * RATE_GROWTH : (good + bad) / 2;
    if (bad < RATE_MIN) break;
  }
  return best;
}

async function runBlast({ left, right, target }: Bench, rate: number): Promise<{ sent: Sent; received: Received }> {
  const blast = (
    ...args: (string | number)[]
  ) => [Deno.execPath(), "run", "-A", "--no-check", "--config", CONFIG, BLAST, ...args.map(String)];
  await using receiver = right.host.spawn(blast("receive", target, BLAST_PORT));
  await receiver.waitForLine((line) => line === "ready", DEADLINE_MS);
  const sent = await left.host.mustExec(blast("send", target, BLAST_PORT, rate, SMALL_SECONDS), {
    deadlineMs: DEADLINE_MS,
  });
  const received = await receiver.waitForLine((line) => line.startsWith("{"), 2 * DEADLINE_MS);
  return { sent: JSON.parse(sent) as Sent, received: JSON.parse(received) as Received };
}

interface Sum {
  readonly bits_per_second: number;
  readonly bytes: number;
}

interface IperfReport {
  readonly end: {
    readonly sum_received: Sum;
    readonly sum_received_bidir_reverse?: Sum;
  };
}

async function runIperf({ left, right, target, seconds }: Bench, options: readonly string[]): Promise<IperfReport> {
  await using server = right.host.spawn(["iperf3", "--server", "--one-off", "--forceflush", "--bind", target]);
  await server.waitForLine((line) => line.includes("listening"), DEADLINE_MS);
  const client = ["iperf3", "--json", "--client", target, "--time", String(seconds), ...options];
  const json = await left.host.mustExec(client, { deadlineMs: seconds * 1_000 + DEADLINE_MS });
  await server.ended(DEADLINE_MS);
  return JSON.parse(json) as IperfReport;
}

/** The processes of a host that are there between measurements. */
async function tunnelPids(host: Host): Promise<string[]> {
  const { stdout } = await host.exec(["ip", "netns", "pids", host.namespace]);
  return stdout.split("\n").filter((pid) => pid !== "" && isRunning(pid));
}

/** False for the one that made the list. */
function isRunning(pid: string): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Processor time of processes, user and system, in ticks. One that has ended counts nothing. */
function ticksOf(pids: readonly string[]): number {
  let sum = 0;
  for (const pid of pids) {
    try {
      const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      sum += Number(fields[11]) + Number(fields[12]);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return sum;
}
