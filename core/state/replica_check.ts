/**
 * Finding replicas that differ. A checkpoint is a log entry that asks every replica to hash its state as of that entry; a
 * claim is a log entry that says what one member found. What the majority of the voters found is right, and a replica that
 * found something else is damaged, whoever leads.
 *
 * The state goes on while it is hashed, so a replica hashes a copy that it makes between the checkpoint and the next entry,
 * in steps that its owner paces. A replica that is still busy, or did not apply the checkpoint because it came by a
 * snapshot, has no result for it and says nothing. Entries of both kinds change no row: what is kept here is lost with the
 * process, and the next checkpoint brings it back.
 *
 * @module
 */
import type { SqlDatabase } from "../seams/sql_database.ts";
import type { ChecksumClaim } from "./codec.ts";
import { stateHashSteps } from "./state_hash.ts";

/** Checkpoints whose results and claims are kept. */
export const CHECKPOINT_COUNT_MAX = 4;
/** Members whose claims on one checkpoint are kept. */
export const CLAIM_COUNT_MAX = 64;

/** How a replica compares with the others. */
export type ReplicaVerdict =
  /** Not enough is known, or nobody differs. */
  | { readonly kind: "unknown" }
  /** The majority found the same at `index`. */
  | { readonly kind: "agrees"; readonly index: number }
  /** The majority found `expected`, and this replica did not. */
  | { readonly kind: "differs"; readonly index: number; readonly own: string; readonly expected: string }
  /** Voters found different things and none has a majority: somebody is damaged, and nobody can say who. */
  | { readonly kind: "disputed"; readonly index: number };

interface Work {
  readonly index: number;
  readonly image: Uint8Array;
  copy: SqlDatabase | undefined;
  steps: Generator<undefined, string, undefined> | undefined;
}

/** See the module. */
export class ReplicaCheck implements Disposable {
  readonly #open: (image: Uint8Array) => SqlDatabase;
  readonly #results = new Map<number, string>();
  readonly #claims = new Map<number, Map<number, string>>();
  #work: Work | undefined;
  #lastIndex = 0;

  /** @param open Opens a copy of the state. */
  constructor(open: (image: Uint8Array) => SqlDatabase) {
    this.#open = open;
  }

  /** Index of the last checkpoint that was applied here; 0 if there was none. */
  get lastIndex(): number {
    return this.#lastIndex;
  }

  /** True while there is a state to hash. */
  get isBusy(): boolean {
    return this.#work !== undefined;
  }

  /** A checkpoint was applied. `image` is asked for, and is the state as of it, unless this replica is busy. */
  checkpoint(index: number, image: () => Uint8Array): void {
    this.#lastIndex = index;
    this.#work ??= { index, image: image(), copy: undefined, steps: undefined };
  }

  /** A claim was applied. */
  claim({ index, hash, member }: ChecksumClaim): void {
    const claims = this.#claims.get(index) ?? new Map<number, string>();
    if (claims.size < CLAIM_COUNT_MAX) claims.set(member, hash);
    this.#claims.set(index, claims);
    forgetOldest(this.#claims);
  }

  /** Does a little of the hashing, about a millisecond's work. */
  step(): void {
    const work = this.#work;
    if (!work) return;
    if (!work.steps) {
      work.copy = this.#open(work.image);
      work.steps = stateHashSteps(work.copy);
      return;
    }
    const { done, value } = work.steps.next();
    if (!done) return;
    this.#end();
    this.#results.set(work.index, value);
    forgetOldest(this.#results);
  }

  /** What this replica found at its newest checkpoint. */
  get result(): { readonly index: number; readonly hash: string } | undefined {
    const newest = [...this.#results].at(-1);
    return newest && { index: newest[0], hash: newest[1] };
  }

  /** Whether `member` has said what it found at `index`. */
  hasClaim(index: number, member: number): boolean {
    return this.#claims.get(index)?.has(member) ?? false;
  }

  /** How this replica compares, by the newest checkpoint of which something can be said. */
  verdict(voters: readonly number[]): ReplicaVerdict {
    for (const [index, own] of [...this.#results].reverse()) {
      const verdict = this.#verdictAt(index, own, voters);
      if (verdict.kind !== "unknown") return verdict;
    }
    return { kind: "unknown" };
  }

  /** Forgets everything; the state is another one now. */
  reset(): void {
    this.#end();
    this.#results.clear();
    this.#claims.clear();
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #verdictAt(index: number, own: string, voters: readonly number[]): ReplicaVerdict {
    const claims = this.#claims.get(index);
    const counts = new Map<string, number>();
    for (const voter of voters) {
      const hash = claims?.get(voter);
      if (hash !== undefined) counts.set(hash, (counts.get(hash) ?? 0) + 1);
    }
    const [expected] = [...counts].find(([, count]) => count > voters.length / 2) ?? [];
    if (expected !== undefined) {
      return expected === own ? { kind: "agrees", index } : { kind: "differs", index, own, expected };
    }
    const claimed = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const best = Math.max(0, ...counts.values());
    // Who is silent may still make a majority.
    const isOpen = best + voters.length - claimed > voters.length / 2;
    return isOpen ? { kind: "unknown" } : { kind: "disputed", index };
  }

  #end(): void {
    this.#work?.copy?.[Symbol.dispose]();
    this.#work = undefined;
  }
}

function forgetOldest(map: Map<number, unknown>): void {
  const oldest = Math.min(...map.keys());
  if (map.size > CHECKPOINT_COUNT_MAX) map.delete(oldest);
}
