/**
 * Plays runs of the Raft simulation.
 *
 *   deno task sim [--seed=N] [--seeds=N] [--events=N] [--fsm=map|sqljs] [--until=violation]
 *                 [--without=KIND,KIND] [--lines=N]
 *
 * `--seed` is the first seed (1), `--seeds` how many (1), `--events` the events of each run before its recovery (20000).
 * `--until=violation` goes on until something is wrong. `--without` leaves kinds of faults out, by the names in
 * `plan.ts`, besides `disk`, `loss` and `duplicate`: what a failing seed does not need is noise. `--lines` is how much of
 * the trace a failing run prints (200).
 *
 * The exit code is 1 if an invariant was violated.
 *
 * @module
 */
import { loadSqlEngine } from "../../core/io/sqljs.ts";
import { type Fsm, MAP_FSM } from "./machine.ts";
import { outsideMicrotasks } from "./microtasks.ts";
import { reproduction, type RunResult, runSeed } from "./run.ts";
import { sqlFsm } from "./sql_machine.ts";

interface Options {
  readonly seed: number;
  readonly seeds: number;
  readonly events: number;
  readonly fsm: "map" | "sqljs";
  readonly without: readonly string[];
  readonly lines: number | undefined;
}

/** Seeds between two lines about the progress. */
const PROGRESS_SEEDS = 100;

function parse(args: readonly string[]): Options {
  const values = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const [, name, value] = /^--([a-z]+)(?:=(.*))?$/.exec(args[i] ?? "") ?? [];
    if (name === undefined || !NAMES.has(name)) throw new Error(`not an option: ${args[i]}; see the top of this file`);
    values.set(name, value ?? args[++i] ?? "");
  }
  const number = (name: string, otherwise: number) => {
    const value = Number(values.get(name) ?? otherwise);
    if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} takes a number`);
    return value;
  };
  const fsm = values.get("fsm") ?? "map";
  if (fsm !== "map" && fsm !== "sqljs") throw new Error("--fsm is map or sqljs");
  return {
    seed: number("seed", 1),
    seeds: values.get("until") === "violation" ? Infinity : number("seeds", 1),
    events: number("events", 20_000),
    fsm,
    without: values.get("without")?.split(",") ?? [],
    lines: values.has("lines") ? number("lines", 0) : undefined,
  };
}

const NAMES: ReadonlySet<string> = new Set(["seed", "seeds", "events", "fsm", "until", "without", "lines"]);

function play(options: Options, fsm: Fsm): boolean {
  const startMs = performance.now();
  let eventsCount = 0;
  for (let i = 0; i < options.seeds; i++) {
    const { events, without, lines: traceLines } = options;
    const result = runSeed({
      seed: options.seed + i,
      events,
      fsm,
      without,
      traceLines,
      hasStacks: options.seeds === 1,
    });
    eventsCount += result.eventsCount;
    const seconds = (performance.now() - startMs) / 1000;
    const rate = `${i + 1} seeds, ${eventsCount} events, ${Math.round(eventsCount / seconds)} events/s`;
    if (result.violation) {
      fail(result, options);
      console.log(rate);
      return false;
    }
    if (options.seeds === 1) console.log(summary(result));
    if ((i + 1) % PROGRESS_SEEDS === 0 || i + 1 === options.seeds) console.log(rate);
  }
  return true;
}

function fail(result: RunResult, { events, fsm, without }: Options): void {
  for (const line of result.lines) console.log(line);
  console.log(`plan ${JSON.stringify(result.plan)}`);
  console.log(`${result.violation?.message}`);
  console.log(reproduction({ seed: result.seed, events, fsm, without }));
}

function summary({ lines: _, plan: __, faults, ...rest }: RunResult): string {
  return JSON.stringify({ ...rest, faults: Object.fromEntries(faults) }, null, 1);
}

if (import.meta.main) {
  const options = parse(Deno.args);
  const fsm = options.fsm === "sqljs" ? sqlFsm(await loadSqlEngine()) : MAP_FSM;
  const isFine = await outsideMicrotasks(() => play(options, fsm));
  if (!isFine) Deno.exit(1);
}
