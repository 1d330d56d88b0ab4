/**
 * Callers that wait for their log entry: first for a place in the log, which all that come in the same turn get together,
 * then, keyed by log index, for the entry to be applied.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";

/** More waiting callers than this are refused: the leader is overloaded. */
export const PENDING_PROPOSAL_COUNT_MAX = 4096;

/** A write that was not applied for so many ticks: its outcome is unknown to this node. */
export const PROPOSAL_TICKS_MAX = 200;

/** Payload bytes that go into the log at one time; a single longer entry still goes. */
export const PROPOSAL_BATCH_BYTES_MAX: number = 1 << 20;

/** One caller: a record for its whole way, because there are many. */
interface Caller<Result> {
  readonly data: Uint8Array;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
  /** Of its entry; 0 before it has a place in the log. */
  term: number;
  /** The tick up to which it waits for its entry to be applied. */
  lastTick: number;
}

/** Entries that go into the log together. */
export interface ProposalBatch<Result> {
  readonly data: readonly Uint8Array[];
  readonly callers: readonly Caller<Result>[];
}

/** Callers by the index their entry got; an entry of another term at that index means theirs was lost. */
export class Proposals<Result> {
  /** Those whose entry was appended last come last. */
  readonly #waiters = new Map<number, Caller<Result>>();
  #tickCount = 0;
  #queue: Caller<Result>[] = [];

  /** True when no further caller may wait. */
  get full(): boolean {
    return this.#waiters.size + this.#queue.length >= PENDING_PROPOSAL_COUNT_MAX;
  }

  /** True while nobody waits. */
  get isEmpty(): boolean {
    return this.#waiters.size === 0 && this.#queue.length === 0;
  }

  /** True while somebody waits for a place in the log. */
  get hasQueue(): boolean {
    return this.#queue.length > 0;
  }

  /** Waits for a place in the log, and then for the entry to be applied. Takes `data`. */
  add(data: Uint8Array): Promise<Result> {
    return new Promise((resolve, reject) => this.#queue.push({ data, resolve, reject, term: 0, lastTick: 0 }));
  }

  /** What waits for a place, oldest first, up to {@linkcode PROPOSAL_BATCH_BYTES_MAX}; `undefined` if nothing does. */
  takeBatch(): ProposalBatch<Result> | undefined {
    if (this.#queue.length === 0) return undefined;
    let bytes = 0;
    const end = this.#queue.findIndex(({ data }, i) => (bytes += data.length) > PROPOSAL_BATCH_BYTES_MAX && i > 0);
    const callers = end < 0 ? this.#queue : this.#queue.slice(0, end);
    this.#queue = end < 0 ? [] : this.#queue.slice(end);
    return { data: callers.map(({ data }) => data), callers };
  }

  /** The batch was appended in one go; its last entry is (`lastIndex`, `term`). */
  appended({ callers }: ProposalBatch<Result>, lastIndex: number, term: number): void {
    const firstIndex = lastIndex + 1 - callers.length;
    callers.forEach((caller, i) => {
      this.#lose(firstIndex + i);
      caller.term = term;
      caller.lastTick = this.#tickCount + PROPOSAL_TICKS_MAX;
      this.#waiters.set(firstIndex + i, caller);
    });
  }

  /** Nothing of the batch was appended. */
  refused({ callers }: ProposalBatch<Result>, error: Error): void {
    for (const { reject } of callers) reject(error);
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
    this.#tickCount++;
    for (const [index, caller] of this.#waiters) {
      if (caller.lastTick > this.#tickCount) return;
      this.#waiters.delete(index);
      caller.reject(
        new MeshError("timeout", "The write was not committed in time; it may still be", {
          hint: "Look at `weft status`: a majority of the voters must be up. Running the command again is safe.",
        }),
      );
    }
  }

  /** Rejects every caller; the outcome of what has its place is unknown to this node. */
  abandon(error: Error): void {
    const callers = [...this.#waiters.values(), ...this.#queue];
    this.#waiters.clear();
    this.#queue = [];
    for (const { reject } of callers) reject(error);
  }

  /** Another entry takes the place of one that somebody waits for. */
  #lose(index: number): void {
    const caller = this.#waiters.get(index);
    if (!caller) return;
    this.#waiters.delete(index);
    caller.reject(lost());
  }
}

function lost(): MeshError {
  return new MeshError("unavailable", "The leader changed before the write was committed", {
    hint: "Run the command again: writes of the mesh are idempotent.",
  });
}
