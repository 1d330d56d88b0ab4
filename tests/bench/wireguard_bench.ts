/**
 * The tunnel against other implementations of WireGuard: `deno run -A tests/bench/wireguard_bench.ts [options]`.
 *
 * ```text
 * --seconds N     of each measurement with TCP (2)
 * --rounds N      turns of each implementation, of which the best counts in each column (3)
 * --only A,B      names of implementations, as far as they are unambiguous
 * --columns A,B   names of columns
 * --programs DIR  where programs are looked for before their usual places
 * --json          everything that was found, instead of a table
 * ```
 *
 * Two network namespaces on one machine are joined by a veth pair. The implementations take turns between them, round
 * after round, in one run: everything is measured on the same processors in the same minutes, so the ratios mean more than
 * the numbers. "Processor" is the time that both ends of the tunnel take from all processors for each full packet of the
 * one stream, system calls included; it hardly changes when others use the machine too, which throughput does.
 *
 * @module
 */
import { openCryptoSuite } from "../../core/io/crypto_suite.ts";
import { Lab } from "../e2e/lab/lab.ts";
import { LAB_NEEDS, missing } from "../e2e/lab/requirements.ts";
import { eventually } from "../e2e/lab/eventually.ts";
import { type Findings, measure, type MeasureName, MEASURES, SEGMENT_BYTES } from "./tunnel/measures.ts";
import { type End, findSubjects, makeEnds, MTU, type Subject } from "./tunnel/subjects.ts";

const DEADLINE_MS = 10_000;
const OWN = "weft";
const BARE = "no tunnel";

/** What was found of one subject. */
interface Outcome {
  readonly name: string;
  readonly missing: string | undefined;
  readonly rounds: readonly Findings[];
}

/** What the command line says. */
interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly only: readonly string[];
  readonly columns: ReadonlySet<MeasureName>;
  readonly programs: string | undefined;
  readonly isJson: boolean;
}

/** One turn of one subject, from its start to the removal of its interfaces. */
async function measureOnce(subject: Subject, [left, right]: readonly [End, End], options: Options): Promise<Findings> {
  const processes = await Promise.all([subject.start(left, right), subject.start(right, left)]);
  const { seconds, columns } = options;
  try {
    return await measure({ left, right, target: subject.target(right), seconds }, columns);
  } finally {
    await Promise.all(processes.map((process) => process?.[Symbol.asyncDispose]()));
    await eventually("the end of its interfaces", async () => {
      const links = await Promise.all([left, right].map(({ host }) => host.mustExec(["ip", "-o", "link"])));
      return links.every((text) => text.trim().split("\n").length === 2);
    }, DEADLINE_MS);
  }
}

async function measureAll(subjects: readonly Subject[], options: Options): Promise<Outcome[]> {
  const needs = [...LAB_NEEDS, "tun" as const, "command:iperf3" as const, "command:wg" as const];
  const unmet = needs.flatMap((need) => missing(need) ?? []).join(", ");
  const outcomes = subjects.map(({ name, missing }) => ({
    name,
    missing: unmet === "" ? missing : unmet,
    rounds: [] as Findings[],
  }));
  if (unmet !== "") return outcomes;
  await using lab = await Lab.create();
  const ends = await makeEnds(lab);
  for (let round = 0; round < options.rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined || outcome.missing !== undefined) continue;
      outcome.rounds.push(await measureOnce(subject, ends, options));
    }
  }
  return outcomes;
}

/** The best of all rounds: what is worse is somebody else's work on the machine. */
function bestOf(outcome: Outcome, name: MeasureName): number | undefined {
  const values = outcome.rounds.flatMap((findings) => findings[name] ?? []);
  if (values.length === 0) return undefined;
  const isMoreBetter = MEASURES.find((column) => column.name === name)?.isMoreBetter ?? true;
  return isMoreBetter ? Math.max(...values) : Math.min(...values);
}

/** How many times better this program is than another, in one column. */
function ratioOf(own: Outcome | undefined, other: Outcome, name: MeasureName): number | undefined {
  const [ours, theirs] = [own && bestOf(own, name), bestOf(other, name)];
  if (ours === undefined || theirs === undefined) return undefined;
  return MEASURES.find((column) => column.name === name)?.isMoreBetter ? ours / theirs : theirs / ours;
}

/** Nanoseconds for sealing and opening a full packet, the quickest of several rounds. */
function cryptographyNs(): number {
  const suite = openCryptoSuite();
  const key = suite.aeadKey(new Uint8Array(32));
  const buffer = new Uint8Array(65_536);
  let best = Infinity;
  for (let round = 0; round < 200; round++) {
    const started = performance.now();
    for (let i = 0; i < 100; i++) {
      key.seal(i, buffer, 4096, MTU);
      if (!key.open(i, buffer, 4096, MTU + 16)) throw new Error("A sealed packet opens");
    }
    best = Math.min(best, (performance.now() - started) * 1e6 / 100);
  }
  key[Symbol.dispose]();
  suite[Symbol.dispose]();
  return best;
}

/**
 * Gigabits per second of one stream if a tunnel cost nothing but cryptography, shared by all processors: the time of a
 * packet without a tunnel, and its share of the time for sealing and opening it.
 */
function limitOf(bare: Outcome | undefined): number | undefined {
  const gigabits = bare && bestOf(bare, "one stream");
  if (gigabits === undefined) return undefined;
  const bits = SEGMENT_BYTES * 8;
  return bits / (bits / gigabits + cryptographyNs() / navigator.hardwareConcurrency);
}

function print(outcomes: readonly Outcome[], options: Options, load: readonly string[]): void {
  const columns = MEASURES.filter(({ name }) => options.columns.has(name));
  const own = outcomes.find(({ name }) => name === OWN);
  const row = (title: string, cells: readonly string[]) =>
    console.log(`${title.padEnd(24)}${cells.map((cell) => cell.padStart(15)).join("")}`.trimEnd());
  row("", columns.map(({ name }) => name));
  row("", columns.map(({ unit }) => unit));
  for (const outcome of outcomes) {
    if (outcome.missing === undefined) {
      row(outcome.name, columns.map(({ name, digits }) => bestOf(outcome, name)?.toFixed(digits) ?? "-"));
    } else console.log(`${outcome.name.padEnd(24)}  ${outcome.missing}`);
  }
  console.log();
  for (const other of outcomes.filter(({ name, missing }) => name !== OWN && missing === undefined)) {
    const cells = columns.map(({ name }) => ratioOf(own, other, name)).map((ratio) =>
      ratio ? `${ratio.toFixed(2)} x` : "-"
    );
    row(`weft / ${other.name}`, cells);
  }
  const limit = limitOf(outcomes.find(({ name }) => name === BARE));
  if (limit !== undefined) {
    console.log(`\nWith cryptography as the only cost, one stream had ${limit.toFixed(2)} Gbit/s.`);
  }
  console.log(
    `Best of ${options.rounds} rounds of ${options.seconds} s, MTU ${MTU}; load of the machine ${load.join(" to ")}.`,
  );
}

function printJson(outcomes: readonly Outcome[], options: Options, load: readonly string[]): void {
  const own = outcomes.find(({ name }) => name === OWN);
  const names = MEASURES.map(({ name }) => name);
  const table = (value: (outcome: Outcome, name: MeasureName) => number | undefined) =>
    Object.fromEntries(outcomes.map((outcome) => [
      outcome.name,
      Object.fromEntries(names.flatMap((name) => {
        const number = value(outcome, name);
        return number === undefined ? [] : [[name, number]];
      })),
    ]));
  const report = {
    mtu: MTU,
    seconds: options.seconds,
    load,
    units: Object.fromEntries(MEASURES.map(({ name, unit }) => [name, unit])),
    outcomes,
    best: table(bestOf),
    ratios: table((outcome, name) => ratioOf(own, outcome, name)),
    limitGigabitsPerSecond: limitOf(outcomes.find(({ name }) => name === BARE)),
  };
  console.log(JSON.stringify(report, undefined, 2));
}

function parseOptions(args: readonly string[]): Options {
  const valueOf = (name: string) => args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
  const listOf = (name: string) => valueOf(name)?.split(",") ?? [];
  const numberOf = (name: string, standard: number) => {
    const number = Number(valueOf(name) ?? standard);
    if (!Number.isInteger(number) || number < 1 || number > 3600) {
      throw new Error(`${name} takes a number from 1 to 3600`);
    }
    return number;
  };
  const columns = listOf("--columns");
  const unknown = columns.filter((name) => !MEASURES.some((column) => column.name === name));
  if (unknown.length > 0) {
    throw new Error(`No such column: ${unknown.join(", ")}. There are ${MEASURES.map(({ name }) => name).join(", ")}`);
  }
  return {
    seconds: numberOf("--seconds", 2),
    rounds: numberOf("--rounds", 3),
    only: listOf("--only"),
    columns: new Set(MEASURES.map(({ name }) => name).filter((name) => columns.length === 0 || columns.includes(name))),
    programs: valueOf("--programs"),
    isJson: args.includes("--json"),
  };
}

function loadNow(): string {
  return Deno.loadavg()[0]?.toFixed(1) ?? "?";
}

if (import.meta.main) {
  const options = parseOptions(Deno.args);
  const isWanted = ({ name }: Subject) => options.only.length === 0 || options.only.some((part) => name.includes(part));
  const before = loadNow();
  const outcomes = await measureAll(findSubjects(options.programs).filter(isWanted), options);
  const report = options.isJson ? printJson : print;
  report(outcomes, options, [before, loadNow()]);
}
