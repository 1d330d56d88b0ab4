/**
 * The one table of callers that wait for a log entry to be applied, keyed by log index.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";

/** More waiting callers than this are refused: the leader is overloaded. */
export const PENDING_PROPOSAL_COUNT_MAX = 4096;

/** A write that was not applied for so many ticks: its outcome is unknown to this node. */
export const PROPOSAL_TICKS_MAX = 200;

interface Waiter<Result> {
  /** Ticks it has waited. */
  ticks: number;
  readonly term: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** Callers by the index their entry got; an entry of another term at that index means theirs was lost. */
export class Proposals<Result> {
  readonly #waiters = new Map<number, Waiter<Result>>();

  /** True when no further caller may wait. */
  get full(): boolean {
    return this.#waiters.size >= PENDING_PROPOSAL_COUNT_MAX;
  }

  /** True while nobody waits. */
  get isEmpty(): boolean {
    return this.#waiters.size === 0;
  }

  /** Waits for the entry that was appended at (`index`, `term`). */
  wait(index: number, term: number): Promise<Result> {
    this.#waiters.get(index)?.reject(lost());
    return new Promise((resolve, reject) => this.#waiters.set(index, { ticks: 0, term, resolve, reject }));
  }

  /** Tells the caller of the entry applied at `index` its result, or that another leader's entry took the place. */
  settle(index: number, term: number, result: Result): void {
    const waiter = this.#waiters.get(index);
    if (!waiter) return;
    this.#waiters.delete(index);
    if (waiter.term === term) waiter.resolve(result);
    else waiter.reject(lost());
  }

  /** One unit of Raft time has passed; rejects callers that wait for too long. */
  tick(): void {
    for (const [index, waiter] of this.#waiters) {
      if (++waiter.ticks < PROPOSAL_TICKS_MAX) continue;
      this.#waiters.delete(index);
      waiter.reject(
        new MeshError("timeout", "The write was not committed in time; it may still be", {
          hint: "Look at `weft status`: a majority of the voters must be up. Running the command again is safe.",
        }),
      );
    }
  }

  /** Rejects every caller; their outcome is unknown to this node. */
  abandon(error: Error): void {
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(error);
  }
}

function lost(): MeshError {
  return new MeshError("unavailable", "The leader changed before the write was committed", {
    hint: "Run the command again: writes of the mesh are idempotent.",
  });
}
