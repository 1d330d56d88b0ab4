/**
 * Plays runs of the Raft simulation.
 *
 *   deno task sim [--seed=N] [--seeds=N] [--events=N] [--fsm=map|sqljs] [--until=violation]
 *                 [--without=KIND,KIND] [--lines=N] [--jobs=N]
 *
 * `--seed` is the first seed (1), `--seeds` how many (1), `--events` the events of each run before its recovery (20000).
 * `--until=violation` goes on until something is wrong. `--without` leaves kinds of faults out, by the names in
 * `plan.ts`, besides `disk`, `loss` and `duplicate`: what a failing seed does not need is noise. `--lines` is how much of
 * the trace a failing run prints (200). `--jobs` is how many runs are played at a time (one per processor).
 *
 * The exit code is 1 if an invariant was violated.
 *
 * @module
 */
import process from "node:process";
import { type Job, type Played, playJob } from "./job.ts";

interface Options extends Omit<Job, "every"> {
  readonly jobs: number;
}

/** Seeds between two lines about the progress. */
const PROGRESS_SEEDS = 100;
const NAMES: ReadonlySet<string> = new Set(["seed", "seeds", "events", "fsm", "until", "without", "lines", "jobs"]);

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
  const count = values.get("until") === "violation" ? Infinity : number("seeds", 1);
  return {
    first: number("seed", 1),
    count,
    events: number("events", 20_000),
    fsm,
    without: values.get("without")?.split(",") ?? [],
    lines: values.has("lines") ? number("lines", 0) : undefined,
    jobs: Math.max(1, Math.min(number("jobs", navigator.hardwareConcurrency), count)),
  };
}

/** Prints what comes of the seeds. */
class Report {
  readonly #startMs = performance.now();
  readonly #count: number;
  #seeds = 0;
  #events = 0;
  hasFailed = false;

  constructor(count: number) {
    this.#count = count;
  }

  readonly add = ({ eventsCount, failure, summary }: Played): void => {
    if (this.hasFailed) return;
    this.#seeds++;
    this.#events += eventsCount;
    for (const line of failure ?? []) console.log(line);
    this.hasFailed = failure !== undefined;
    if (summary !== undefined && !failure) console.log(summary);
    if (this.hasFailed || this.#seeds % PROGRESS_SEEDS === 0 || this.#seeds === this.#count) this.#progress();
  };

  #progress(): void {
    const rate = this.#events / ((performance.now() - this.#startMs) / 1000);
    // Says the same on a machine that has something else to do.
    const { user, system } = process.cpuUsage();
    const processorRate = this.#events / ((user + system) / 1e6);
    console.log(
      `${this.#seeds} seeds, ${this.#events} events, ${Math.round(rate)} events/s, ` +
        `${Math.round(processorRate)} per second of a processor`,
    );
  }
}

/** Plays the seeds whose place is `place` modulo the number of jobs. Resolves when they are done, or one has failed. */
async function playInWorker({ jobs, ...options }: Options, place: number, report: Report): Promise<void> {
  const worker = new Worker(new URL("./job_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.onmessage = ({ data }: MessageEvent<Played | null>) => data === null ? resolve() : report.add(data);
  worker.onerror = (event) => reject(new Error(event.message));
  const count = Math.ceil((options.count - place) / jobs);
  const job: Job = { ...options, first: options.first + place, every: jobs, count };
  worker.postMessage(job);
  try {
    await promise;
  } finally {
    worker.terminate();
  }
}

async function play(options: Options): Promise<boolean> {
  const report = new Report(options.count);
  if (options.jobs === 1) await playJob({ ...options, every: 1 }, report.add);
  else {
    const workers = Array.from({ length: options.jobs }, (_, place) => playInWorker(options, place, report));
    // A worker ends early only when one of its seeds has failed.
    await Promise.race([Promise.all(workers), untilFailed(workers, report)]);
  }
  return !report.hasFailed;
}

/** Resolves when a worker ends and something is wrong; never otherwise. */
function untilFailed(workers: readonly Promise<void>[], report: Report): Promise<void> {
  return new Promise((resolve, reject) => {
    for (const worker of workers) worker.then(() => report.hasFailed && resolve(), reject);
  });
}

if (import.meta.main) {
  const isFine = await play(parse(Deno.args));
  Deno.exit(isFine ? 0 : 1);
}
