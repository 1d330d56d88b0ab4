/**
 * The simulated disk without its world: every call is done at once, and a test says when the power goes.
 *
 * @module
 */
import { Chance } from "./chance.ts";
import { SimDisk } from "./disk.ts";
import { calmPlan, type DiskPlan } from "./plan.ts";

/** An empty disk. */
export function instantDisk(seed = 1, changes: Partial<DiskPlan> = {}): SimDisk {
  const host = { after: (_delayUs: number, _what: string, fire: () => void) => fire(), crashNow: () => {} };
  return new SimDisk(host, { ...calmPlan(1).disk, ...changes }, new Chance(seed));
}
