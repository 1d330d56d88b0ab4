/**
 * Every n-th seed of many, in a worker of its own, so that runs use all processors.
 *
 * @module
 */
import { loadSqlEngine } from "../../core/io/sqljs.ts";
import { MAP_FSM } from "./machine.ts";
import { outsideMicrotasks } from "./microtasks.ts";
import { reproduction, type RunResult, runSeed } from "./run.ts";
import { sqlFsm } from "./sql_machine.ts";

/** What to play. */
export interface Job {
  readonly first: number;
  /** From one seed to the next. */
  readonly every: number;
  readonly count: number;
  readonly events: number;
  readonly fsm: "map" | "sqljs";
  readonly without: readonly string[];
  readonly lines: number | undefined;
}

/** What came of one seed. */
export interface Played {
  readonly eventsCount: number;
  /** What to print about a violation; `undefined` if there was none. */
  readonly failure: readonly string[] | undefined;
  /** What to print about a single run. */
  readonly summary: string | undefined;
}

/** Plays `job` until something is wrong, and tells of each seed. */
export async function playJob(job: Job, onPlayed: (played: Played) => void): Promise<void> {
  const fsm = job.fsm === "sqljs" ? sqlFsm(await loadSqlEngine()) : MAP_FSM;
  const isSingle = job.count === 1;
  await outsideMicrotasks(() => {
    for (let i = 0; i < job.count; i++) {
      const { events, without, lines: traceLines } = job;
      const seed = job.first + i * job.every;
      const result = runSeed({ seed, events, fsm, without, traceLines, hasStacks: isSingle });
      const failure = result.violation && describeFailure(result, job);
      onPlayed({ eventsCount: result.eventsCount, failure, summary: isSingle ? summaryOf(result) : undefined });
      if (failure) return;
    }
  });
}

function describeFailure(result: RunResult, { events, fsm, without }: Job): string[] {
  return [
    ...result.lines,
    `plan ${JSON.stringify(result.plan)}`,
    `${result.violation?.message}`,
    reproduction({ seed: result.seed, events, fsm, without }),
  ];
}

function summaryOf({ lines: _, plan: __, faults, ...rest }: RunResult): string {
  return JSON.stringify({ ...rest, faults: Object.fromEntries(faults) }, null, 1);
}
