/**
 * One run from its seed: trouble first, then a recovery, then the judgement of what clients saw.
 *
 * @module
 */
import { Faults } from "./faults.ts";
import { recover, type Recovery } from "./liveness.ts";
import type { Fsm } from "./machine.ts";
import type { Makers } from "./member.ts";
import { Violation } from "./oracle.ts";
import { Comparison } from "./comparison.ts";
import { drawPlan, type Plan, without } from "./plan.ts";
import { Workload, type WorkloadCounts } from "./workload.ts";
import { World } from "./world.ts";

/** How a run is made. */
export interface RunOptions {
  readonly seed: number;
  /** Events before the recovery. */
  readonly events: number;
  readonly fsm?: Fsm;
  readonly makers?: Makers;
  /** Kinds of faults to leave out; see `plan.ts`. */
  readonly without?: readonly string[];
  /** Lines of the trace to keep. */
  readonly traceLines?: number | undefined;
  /** Errors say where they come from. Costs a tenth of the speed, because refusals are errors. */
  readonly hasStacks?: boolean;
}

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly plan: Plan;
  readonly eventsCount: number;
  readonly virtualUs: number;
  readonly traceHash: string;
  /** The last lines of the trace. */
  readonly lines: readonly string[];
  readonly elections: number;
  readonly committed: number;
  readonly membershipsCount: number;
  readonly membersCount: number;
  readonly counts: WorkloadCounts;
  /** How often a replica found that its state is that of the majority. */
  readonly comparisons: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly recovery: Recovery | undefined;
  readonly historyOperations: number;
}

/** Plays one run. Must be called outside microtasks. */
export function runSeed(options: RunOptions): RunResult {
  const { stackTraceLimit } = Error;
  // Without a number no stack is looked at; with 0 it is, and then nothing of it is kept. The property stays: each time it
  // goes or comes, whatever was compiled for errors is thrown away.
  if (!options.hasStacks) Reflect.set(Error, "stackTraceLimit", undefined);
  try {
    return play(options);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function play(options: RunOptions): RunResult {
  const { seed, events, without: left = [] } = options;
  const plan = without(drawPlan(seed), left);
  const world = new World({ ...options, plan });
  const workload = new Workload(world);
  const faults = new Faults(world);
  workload.start();
  const comparison = new Comparison(world);
  comparison.start();
  faults.start();
  while (world.eventsCount < events && world.step());
  workload.isStopped = true;
  comparison.isStopped = true;
  const recovery = world.oracle.violation ? undefined : recover(world, faults);
  const verdict = world.oracle.violation ? undefined : workload.history.judge();
  const violation = world.oracle.violation ??
    (verdict?.violation === undefined ? undefined : new Violation(9, verdict.violation));
  return {
    seed,
    violation,
    plan,
    eventsCount: world.eventsCount,
    virtualUs: world.nowUs,
    traceHash: world.trace.hash,
    lines: violation ? world.trace.lines() : [],
    elections: world.oracle.elections,
    committed: world.oracle.maxCommitted,
    membershipsCount: world.oracle.memberships.size,
    membersCount: world.members.size,
    counts: workload.counts,
    comparisons: comparison.agreedCount,
    faults: faults.counts,
    recovery,
    historyOperations: verdict?.operationsCount ?? 0,
  };
}

/** The command that plays a run again. */
export function reproduction(
  { seed, events, fsm, without: left = [] }: {
    readonly seed: number;
    readonly events: number;
    readonly fsm: string;
    readonly without?: readonly string[];
  },
): string {
  const rest = left.length === 0 ? "" : ` --without=${left}`;
  return `deno task sim --seed=${seed} --events=${events} --fsm=${fsm}${rest}`;
}
