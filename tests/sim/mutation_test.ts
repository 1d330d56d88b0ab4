/**
 * The simulation is held to what it must find: each way of being wrong is caught within a bounded number of seeds.
 *
 * The seed that found a mutant last time comes first, so that this takes seconds. When the simulation has come to draw
 * other numbers the search starts from seed 1 and says what it found: then write that down beside the mutant.
 */
import assert from "node:assert/strict";
import { outsideMicrotasks } from "./microtasks.ts";
import { MUTANTS } from "./mutants.ts";
import { loadPatched, PATCHED_MUTANTS } from "./patched_mutants.ts";
import { type RunResult, runSeed } from "./run.ts";

const SEEDS_MAX = 300;
const EVENTS = 20_000;
/** Runs of the patched sources with every mutant asleep, which must find nothing. */
const ASLEEP_SEEDS = 3;

/** Fails unless some seed finds something wrong with the program that `run` plays. */
function expectCaught({ name, seed }: { readonly name: string; readonly seed: number }, run: Run): void {
  if (run(seed).violation) return;
  for (let other = 1; other <= SEEDS_MAX; other++) {
    if (run(other).violation) return console.log(`a program that ${name}: not seed ${seed}, but ${other} finds it`);
  }
  assert.fail(`nobody notices a program that ${name}`);
}

type Run = (seed: number) => RunResult;

Deno.test(`runSeed: ${MUTANTS.length} mutants of engine, store and state machine are caught`, async () => {
  await outsideMicrotasks(() => {
    for (const mutant of MUTANTS) {
      expectCaught(mutant, (seed) => runSeed({ seed, events: EVENTS, makers: mutant.makers }));
    }
  });
});

Deno.test(`runSeed: ${PATCHED_MUTANTS.length} mutants of single lines are caught`, async () => {
  await using sources = await loadPatched();
  await outsideMicrotasks(() => {
    for (const mutant of PATCHED_MUTANTS) {
      sources.wake(mutant.name);
      expectCaught(mutant, (seed) => sources.runSeed({ seed, events: EVENTS }));
    }
    sources.wake(undefined);
    for (let seed = 1; seed <= ASLEEP_SEEDS; seed++) {
      assert.equal(sources.runSeed({ seed, events: EVENTS }).violation, undefined);
    }
  });
});
