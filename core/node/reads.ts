/**
 * Callers that wait for a linearizable read: first for the leader's confirmation of a read index (Raft thesis §6.4), then
 * for this replica to have applied it.
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
 * Bytes of the opaque context that names a read: random ones of this process, and a counter. An answer to a question of
 * an earlier process may still be on its way; it must not pass for the answer to a new one.
 */
const CONTEXT_BYTES = 16;
const PROCESS_BYTES = 8;

interface Waiter {
  /** Of the leader that was asked. */
  readonly term: number;
  /** Ticks it has waited. */
  ticks: number;
  /** The confirmed read index, `undefined` until the leader answered. */
  index: number | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The table of waiting reads. */
export class Reads {
  readonly #waiters = new Map<string, Waiter>();
  readonly #process = new Uint8Array(PROCESS_BYTES);
  #next = 0;

  constructor(random: Random) {
    random.fill(this.#process);
  }

  /** True while nobody waits. */
  get isEmpty(): boolean {
    return this.#waiters.size === 0;
  }

  /**
   * Opens a read.
   *
   * @param term The term whose leader is asked.
   * @returns Its context for the engine, and a promise that resolves when the replica is fresh enough.
   */
  open(term: number): { readonly context: Uint8Array; readonly confirmed: Promise<void> } {
    const context = new Uint8Array(CONTEXT_BYTES);
    context.set(this.#process);
    new DataView(context.buffer).setFloat64(PROCESS_BYTES, this.#next++);
    const confirmed = new Promise<void>((resolve, reject) => {
      if (this.#waiters.size >= PENDING_READ_COUNT_MAX) {
        reject(new MeshError("unavailable", "Too many reads are waiting"));
      } else this.#waiters.set(context.toHex(), { term, ticks: 0, index: undefined, resolve, reject });
    });
    return { context, confirmed };
  }

  /** The leader confirmed `index` for the read that `context` names. */
  confirm(context: Uint8Array, index: number): void {
    const waiter = this.#waiters.get(context.toHex());
    if (waiter) waiter.index = index;
  }

  /** Lets go every confirmed read up to `appliedIndex`. */
  applied(appliedIndex: number): void {
    for (const [key, waiter] of this.#waiters) {
      if (waiter.index === undefined || waiter.index > appliedIndex) continue;
      this.#waiters.delete(key);
      waiter.resolve();
    }
  }

  /** One unit of Raft time has passed; rejects reads that wait for too long. */
  tick(): void {
    for (const [key, waiter] of this.#waiters) {
      if (++waiter.ticks < READ_TICKS_MAX) continue;
      this.#waiters.delete(key);
      waiter.reject(
        new MeshError("no-leader", "No leader confirmed the read in time", { hint: "Run the command again." }),
      );
    }
  }

  /** Rejects reads that leaders before `term` were asked for: nobody answers them any more. */
  abandonBefore(term: number, error: Error): void {
    for (const [key, waiter] of this.#waiters) {
      if (waiter.term >= term) continue;
      this.#waiters.delete(key);
      waiter.reject(error);
    }
  }

  /** Rejects one read, or all. */
  abandon(error: Error, context?: Uint8Array): void {
    const keys = context ? [context.toHex()] : [...this.#waiters.keys()];
    for (const key of keys) {
      this.#waiters.get(key)?.reject(error);
      this.#waiters.delete(key);
    }
  }
}
