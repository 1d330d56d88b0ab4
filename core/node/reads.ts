/**
 * Callers that wait for a linearizable read: first for the leader's confirmation of a read index (Raft thesis §6.4), then
 * for this replica to have applied it. All that come in the same turn share one question.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import type { Random } from "../seams/random.ts";

/** A read that nobody confirmed for so many ticks was lost with a leader or a message. */
export const READ_TICKS_MAX = 60;
/** More waiting reads than this are refused. */
export const PENDING_READ_COUNT_MAX = 4096;
/**
 * Bytes of the opaque context that names a question: random ones of this process, and a counter. An answer to a question
 * of an earlier process may still be on its way; it must not pass for the answer to a new one.
 */
const CONTEXT_BYTES = 16;
const PROCESS_BYTES = 8;

interface Caller {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Callers of one question. */
interface Waiter {
  /** Of the leader that was asked. */
  term: number;
  /** Ticks it has waited. */
  ticks: number;
  /** The confirmed read index, `undefined` until the leader answered. */
  index: number | undefined;
  readonly callers: Caller[];
}

/** The table of waiting reads. */
export class Reads {
  /** By the counter in their context. */
  readonly #waiters = new Map<number, Waiter>();
  readonly #process = new Uint8Array(PROCESS_BYTES);
  /** Whose question is not asked yet. */
  #unasked: Waiter | undefined;
  #callerCount = 0;
  #next = 0;

  constructor(random: Random) {
    random.fill(this.#process);
  }

  /** True while nobody waits. */
  get isEmpty(): boolean {
    return this.#callerCount === 0;
  }

  /** True while somebody's question is not asked yet. */
  get hasUnasked(): boolean {
    return this.#unasked !== undefined;
  }

  /** Opens a read: resolves when the replica is fresh enough. */
  open(): Promise<void> {
    if (this.#callerCount >= PENDING_READ_COUNT_MAX) {
      return Promise.reject(new MeshError("unavailable", "Too many reads are waiting"));
    }
    this.#callerCount++;
    this.#unasked ??= { term: 0, ticks: 0, index: undefined, callers: [] };
    const { callers } = this.#unasked;
    return new Promise<void>((resolve, reject) => callers.push({ resolve, reject }));
  }

  /**
   * Takes the question that all reads opened since the last one share.
   *
   * @param term The term whose leader is asked now.
   * @returns Its context for the engine; `undefined` if nobody asks.
   */
  ask(term: number): Uint8Array | undefined {
    const waiter = this.#unasked;
    if (!waiter) return undefined;
    this.#unasked = undefined;
    waiter.term = term;
    const counter = this.#next++;
    const context = new Uint8Array(CONTEXT_BYTES);
    context.set(this.#process);
    COUNTER[0] = counter;
    context.set(COUNTER_BYTES, PROCESS_BYTES);
    this.#waiters.set(counter, waiter);
    return context;
  }

  /** The leader confirmed `index` for the question that `context` names. */
  confirm(context: Uint8Array, index: number): void {
    const waiter = this.#waiters.get(this.#counterOf(context));
    if (waiter) waiter.index = index;
  }

  /** Lets go every confirmed read up to `appliedIndex`. */
  applied(appliedIndex: number): void {
    for (const [key, waiter] of this.#waiters) {
      if (waiter.index === undefined || waiter.index > appliedIndex) continue;
      this.#waiters.delete(key);
      this.#callerCount -= waiter.callers.length;
      for (const { resolve } of waiter.callers) resolve();
    }
  }

  /** One unit of Raft time has passed; rejects reads that wait for too long. */
  tick(): void {
    for (const [key, waiter] of this.#waiters) {
      if (++waiter.ticks >= READ_TICKS_MAX) this.#reject(key, waiter, late());
    }
    const unasked = this.#unasked;
    if (unasked && ++unasked.ticks >= READ_TICKS_MAX) this.#reject(undefined, unasked, late());
  }

  /** Rejects reads that leaders before `term` were asked for: nobody answers them any more. */
  abandonBefore(term: number, error: Error): void {
    for (const [key, waiter] of this.#waiters) if (waiter.term < term) this.#reject(key, waiter, error);
  }

  /** Rejects the reads of one question that was asked, or all. */
  abandon(error: Error, context?: Uint8Array): void {
    const keys = context ? [this.#counterOf(context)] : [...this.#waiters.keys()];
    for (const key of keys) {
      const waiter = this.#waiters.get(key);
      if (waiter) this.#reject(key, waiter, error);
    }
    if (!context && this.#unasked) this.#reject(undefined, this.#unasked, error);
  }

  /** NaN for a context that is not of this process. */
  #counterOf(context: Uint8Array): number {
    if (context.length !== CONTEXT_BYTES) return NaN;
    for (let i = 0; i < PROCESS_BYTES; i++) if (context[i] !== this.#process[i]) return NaN;
    COUNTER_BYTES.set(context.subarray(PROCESS_BYTES));
    return COUNTER[0] ?? NaN;
  }

  #reject(key: number | undefined, { callers }: Waiter, error: Error): void {
    if (key === undefined) this.#unasked = undefined;
    else this.#waiters.delete(key);
    this.#callerCount -= callers.length;
    for (const { reject } of callers) reject(error);
  }
}

/** A counter and its bytes, as this machine orders them: nobody else reads them. */
const COUNTER = new Float64Array(1);
const COUNTER_BYTES = new Uint8Array(COUNTER.buffer);

function late(): MeshError {
  return new MeshError("no-leader", "No leader confirmed the read in time", { hint: "Run the command again." });
}
