/**
 * Safety under faults: every seed plays a few thousand events, each followed by the checks of `simulation/checker.ts`.
 */
import assert from "node:assert/strict";
import { SimWorld } from "./simulation/world.ts";

const SEEDS = 60;
const EVENTS = 6000;

Deno.test(`SimWorld: ${SEEDS} seeds keep every safety property and recover`, () => {
  let elections = 0;
  let committed = 0;
  let changes = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      const summary = new SimWorld(seed).run(EVENTS);
      elections += summary.elections;
      committed += summary.committed;
      changes += summary.membershipIndexes;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  assert(elections > 3 * SEEDS, `${elections} elections`);
  assert(committed > 20 * SEEDS, `${committed} committed entries`);
  assert(changes > SEEDS, `${changes} membership changes`);
});

Deno.test("SimWorld: the same seed plays the same run", () => {
  assert.deepEqual(new SimWorld(7).run(EVENTS), new SimWorld(7).run(EVENTS));
});
