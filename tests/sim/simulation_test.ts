/**
 * Seeds of the Raft simulation for about a minute; `WEFT_SIM_SECONDS` says how many otherwise. Seeds that found something
 * once run first. Then half of the time is for seeds that are the same every day, and half for some that nobody has seen
 * before. A failure prints one line that plays it again.
 */
import assert from "node:assert/strict";
import { loadSqlEngine } from "../../core/io/sqljs.ts";
import { type Fsm, MAP_FSM } from "./machine.ts";
import { outsideMicrotasks } from "./microtasks.ts";
import { REGRESSION_SEEDS } from "./regression_seeds.ts";
import { reproduction, type RunOptions, type RunResult, runSeed } from "./run.ts";
import { sqlFsm } from "./sql_machine.ts";

const SECONDS = Number(Deno.env.get("WEFT_SIM_SECONDS") ?? 60);
/** What of it goes to the slower state machine. */
const SQL_SHARE = 0.2;
/** No day plays more seeds than this. */
const SEEDS_PER_DAY = 10_000;
const DAY_MS = 86_400_000;
/** However slow the machine is, so many are played of each kind. */
const SEEDS_MIN = 3;
const EVENTS = 20_000;
/** Runs of the determinism test: short, because each is played twice. */
const DETERMINISM = { seeds: 20, events: 4000 };
/** Lines of the trace that a failure shows. */
const FAILURE_LINES = 60;

/** What many runs came to. */
interface Totals {
  seeds: number;
  events: number;
  elections: number;
  committed: number;
  memberships: number;
  operations: number;
  repeated: number;
  comparisons: number;
}

function play(options: RunOptions & { readonly fsm: Fsm }, totals: Totals): RunResult {
  const result = runSeed(options);
  if (result.violation) {
    const lines = result.lines.slice(-FAILURE_LINES).join("\n");
    const command = reproduction({ seed: options.seed, events: options.events, fsm: options.fsm.name });
    throw new Error(`${lines}\n${result.violation.message}\n${command}`);
  }
  totals.seeds++;
  totals.events += result.eventsCount;
  totals.elections += result.elections;
  totals.committed += result.committed;
  totals.memberships += result.membershipsCount - 1;
  totals.operations += result.historyOperations;
  totals.repeated += result.counts.repeated;
  totals.comparisons += result.comparisons;
  return result;
}

/** Plays seeds from `first` on for a while. Returns the one after the last. */
function playFor(seconds: number, first: number, fsm: Fsm, totals: Totals): number {
  const endMs = performance.now() + seconds * 1000;
  let seed = first;
  while (performance.now() < endMs || seed < first + SEEDS_MIN) play({ seed: seed++, events: EVENTS, fsm }, totals);
  return seed;
}

/** The first of the seeds of today, in universal time. */
function firstOfToday(): number {
  return Math.floor(Date.now() / DAY_MS) * SEEDS_PER_DAY;
}

function noTotals(): Totals {
  return {
    seeds: 0,
    events: 0,
    elections: 0,
    committed: 0,
    memberships: 0,
    operations: 0,
    repeated: 0,
    comparisons: 0,
  };
}

Deno.test(`runSeed: ${REGRESSION_SEEDS.length} seeds that found something find nothing any more`, async () => {
  const sql = sqlFsm(await loadSqlEngine());
  await outsideMicrotasks(() => {
    for (const { seed, events, fsm } of REGRESSION_SEEDS) {
      play({ seed, events, fsm: fsm === "sqljs" ? sql : MAP_FSM }, noTotals());
    }
  });
});

Deno.test("runSeed: the same seed plays the same run", async () => {
  await outsideMicrotasks(() => {
    const hashes = new Set<string>();
    for (let seed = 1; seed <= DETERMINISM.seeds; seed++) {
      const [first, second] = [runSeed({ seed, ...DETERMINISM }), runSeed({ seed, ...DETERMINISM })];
      assert.equal(first.traceHash, second.traceHash, `seed ${seed}`);
      assert.equal(first.eventsCount, second.eventsCount);
      hashes.add(first.traceHash);
    }
    assert.equal(hashes.size, DETERMINISM.seeds, "and another seed another run");
  });
});

Deno.test("runSeed: over SQL the same seed plays the same run", async () => {
  const fsm = sqlFsm(await loadSqlEngine());
  await outsideMicrotasks(() => {
    for (const seed of [1, 2, 3]) {
      const hashes = [1, 2].map(() => runSeed({ seed, ...DETERMINISM, fsm }).traceHash);
      assert.equal(hashes[0], hashes[1], `seed ${seed}`);
    }
  });
});

for (const name of ["map", "sqljs"] as const) {
  Deno.test(`runSeed: over ${name} seeds keep all invariants, recover, and are linearizable`, async () => {
    const seconds = SECONDS * (name === "sqljs" ? SQL_SHARE : 1 - SQL_SHARE) / 2;
    const fsm = name === "sqljs" ? sqlFsm(await loadSqlEngine()) : MAP_FSM;
    const totals = noTotals();
    const fresh = firstOfToday();
    const ends = await outsideMicrotasks(() => [1, fresh].map((first) => playFor(seconds, first, fsm, totals)));
    const counts = Object.entries(totals).map(([what, count]) => `${count} ${what}`).join(", ");
    const [known = 1, today = fresh] = ends;
    console.log(`simulation over ${name}, seeds 1 to ${known - 1} and ${fresh} to ${today - 1}: ${counts}`);
    // Runs that do nothing prove nothing.
    assert(totals.elections > 2 * totals.seeds, `${totals.elections} elections`);
    assert(totals.committed > 30 * totals.seeds, `${totals.committed} committed entries`);
    assert(totals.operations > 50 * totals.seeds, `${totals.operations} operations of clients`);
    if (fsm.hasSessions) assert(totals.comparisons > 5 * totals.seeds, `${totals.comparisons} comparisons of replicas`);
    if (totals.seeds >= 50) assert(totals.memberships > totals.seeds, `${totals.memberships} memberships`);
  });
}
