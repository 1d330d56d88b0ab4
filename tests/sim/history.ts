/**
 * What the clients of a run saw, for the checker of `tests/linearizability/`: calls, returns, and what nobody knows.
 *
 * Keys are given up after a while, above all when outcomes are unknown: the search for an order grows with what is open.
 *
 * @module
 */
import { checkByKey, type Operation as Observation } from "../linearizability/checker.ts";
import { REGISTER, type RegisterInput } from "../linearizability/register.ts";

/** Operations on one key before another takes its place. */
const OPERATIONS_PER_KEY_MAX = 60;
/** Unknown outcomes on one key before another takes its place. */
const UNKNOWN_PER_KEY_MAX = 5;
/** Steps to find an order for one key; without luck the key says nothing. */
const SEARCH_STEPS_MAX = 200_000;

/** An operation under way, or done. */
export interface Recorded extends Observation<RegisterInput, number> {
  readonly key: number;
  output: number | undefined;
  returnAt: number;
}

interface Slot {
  key: number;
  operationsCount: number;
  unknownCount: number;
}

/** What came of all histories. */
export interface HistoryVerdict {
  /** Key and text of a violation. */
  readonly violation: string | undefined;
  readonly operationsCount: number;
}

/** See the module. */
export class History {
  readonly #operations = new Set<Recorded>();
  readonly #slots: Slot[];
  #nextKey = 1;

  constructor(keysCount: number) {
    this.#slots = Array.from(
      { length: keysCount },
      () => ({ key: this.#nextKey++, operationsCount: 0, unknownCount: 0 }),
    );
  }

  /** The key that stands at place `at` now. */
  keyAt(at: number): number {
    const slot = this.#slots[at % this.#slots.length];
    if (slot === undefined) return 0;
    if (slot.operationsCount >= OPERATIONS_PER_KEY_MAX || slot.unknownCount >= UNKNOWN_PER_KEY_MAX) {
      Object.assign(slot, { key: this.#nextKey++, operationsCount: 0, unknownCount: 0 });
    }
    slot.operationsCount++;
    return slot.key;
  }

  /** A client calls. */
  call(key: number, input: RegisterInput, callAt: number): Recorded {
    const recorded: Recorded = { key, input, output: undefined, callAt, returnAt: Infinity };
    this.#operations.add(recorded);
    return recorded;
  }

  /** The call had no effect. */
  forget(recorded: Recorded): void {
    this.#operations.delete(recorded);
  }

  /** Nobody knows, for the time being. */
  unknown({ key }: Recorded): void {
    const slot = this.#slots.find((slot) => slot.key === key);
    if (slot) slot.unknownCount++;
  }

  /** Looks for an order of everything. */
  judge(): HistoryVerdict {
    const all = [...this.#operations].filter(({ input, output }) => output !== undefined || input.kind !== "read");
    const { verdict, key } = checkByKey(REGISTER, all, (operation) => operation.key, SEARCH_STEPS_MAX);
    const operationsCount = all.length;
    if (verdict.kind !== "violation") return { violation: undefined, operationsCount };
    const lines = all.filter((operation) => operation.key === key).map((operation) =>
      `  ${operation.callAt}..${operation.returnAt} ${JSON.stringify(operation.input)} = ${operation.output}`
    );
    const violation = `no order explains more than ${verdict.explainedCount} operations on key ${key}:\n${
      lines.join("\n")
    }`;
    return { violation, operationsCount };
  }
}
