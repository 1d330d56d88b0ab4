/**
 * What one member's log must hold: a second account of it, kept from the calls to its store, as terms and a chain of hashes.
 *
 * Equal hashes at an index mean equal entries up to it. The account has two ends: what was asked for and what the store
 * has acknowledged as durable. After a crash the disk must hold the durable end, or one of the states between the two.
 *
 * @module
 */
import type { Entry, HardState, Snapshot, StoredLog } from "../../core/seams/log_store.ts";

/** Hash of an entry that follows a log with hash `before`. */
export function chainHash(before: number, entry: Entry): number {
  const { term, type, data } = entry;
  let hash = Math.imul(before ^ term, 0x85ebca6b) ^ type.length;
  for (let i = 0; i < data.length; i++) hash = Math.imul(hash ^ data[i]!, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** Terms and hashes by index; index 0 is the empty log. Holes lie below a snapshot. */
export class LogAccount {
  readonly terms: number[] = [0];
  readonly chains: number[] = [0];

  get lastIndex(): number {
    return this.terms.length - 1;
  }

  /** Replaces everything from `index` on. */
  put(index: number, term: number, chain: number): void {
    if (this.terms.length !== index) this.terms.length = this.chains.length = index;
    this.terms[index] = term;
    this.chains[index] = chain;
  }

  holds(index: number, term: number): boolean {
    return this.terms[index] === term;
  }
}

/** One call to the store. */
export interface ShadowState {
  readonly hardState: HardState;
  readonly lastIndex: number;
  readonly lastChain: number;
  /** First index whose entries the call replaced. */
  readonly from: number;
  readonly terms: readonly number[];
  readonly chains: readonly number[];
}

const NO_NUMBERS: readonly number[] = [];

/** See the module. */
export class Shadow {
  /** Everything that was asked to be written. */
  readonly issued = new LogAccount();
  /** What the store says is durable. */
  readonly durable = new LogAccount();
  #issuedHard: HardState = { term: 0, vote: 0, commit: 0 };
  #durableHard: HardState = { term: 0, vote: 0, commit: 0 };
  #open: ShadowState[] = [];

  get durableHard(): HardState {
    return this.#durableHard;
  }

  get issuedHard(): HardState {
    return this.#issuedHard;
  }

  /** An append was asked for. */
  append(hardState: HardState | undefined, entries: readonly Entry[]): ShadowState {
    const first = entries[0];
    if (hardState !== undefined) this.#issuedHard = hardState;
    const { issued } = this;
    if (first === undefined) return this.#push(issued.lastIndex + 1, NO_NUMBERS, NO_NUMBERS);
    let chain = issued.chains[first.index - 1] ?? 0;
    const terms: number[] = [];
    const chains: number[] = [];
    for (const entry of entries) {
      chain = chainHash(chain, entry);
      terms.push(entry.term);
      chains.push(chain);
      issued.put(entry.index, entry.term, chain);
    }
    return this.#push(first.index, terms, chains);
  }

  /** A snapshot was asked to replace the log; `chain` is the hash of the log that it stands for. */
  install({ meta: { index, term } }: Snapshot, chain: number, hardState: HardState): ShadowState {
    this.#issuedHard = { ...hardState, commit: index };
    this.issued.put(index, term, chain);
    return this.#push(index, [term], [chain]);
  }

  /** The store has acknowledged `state`, and with it all before it. */
  acknowledge(state: ShadowState): void {
    const count = this.#open.indexOf(state) + 1;
    // A later call was acknowledged first, and stands for this one.
    if (count === 0) return;
    for (let i = 0; i < count; i++) {
      const { from, terms, chains } = this.#open[i]!;
      for (let k = 0; k < terms.length; k++) this.durable.put(from + k, terms[k]!, chains[k]!);
    }
    this.#open.splice(0, count);
    this.#durableHard = state.hardState;
  }

  /** A process starts with what the disk holds. Returns what is wrong with that. */
  recover(stored: StoredLog, chainOf: (index: number) => number | undefined): string | undefined {
    const { hardState, snapshot, entries } = stored;
    const base = snapshot?.meta.index ?? 0;
    const baseChain = base === 0 ? 0 : chainOf(base);
    if (baseChain === undefined) return `a snapshot at ${base}, which was never committed`;
    let chain = baseChain;
    const found = new LogAccount();
    if (base > 0) found.put(base, snapshot?.meta.term ?? 0, chain);
    for (const entry of entries) {
      chain = chainHash(chain, entry);
      found.put(entry.index, entry.term, chain);
    }
    const lastIndex = found.lastIndex;
    const problem = this.#judge(hardState, lastIndex, chain);
    // Terms below the snapshot are as they were: it stands for them.
    for (const account of [this.issued, this.durable]) {
      for (let i = base; i <= lastIndex; i++) {
        const term = found.terms[i];
        if (term !== undefined) account.put(i, term, found.chains[i] ?? 0);
      }
      account.terms.length = account.chains.length = lastIndex + 1;
    }
    this.#open = [];
    this.#issuedHard = this.#durableHard = hardState;
    return problem;
  }

  #judge(found: HardState, lastIndex: number, chain: number): string | undefined {
    const durable = this.durable;
    const states = [
      { hardState: this.#durableHard, lastIndex: durable.lastIndex, lastChain: durable.chains.at(-1) ?? 0 },
      ...this.#open,
    ];
    const state = states.find((state) =>
      state.lastIndex === lastIndex && state.lastChain === chain && state.hardState.term === found.term &&
      state.hardState.vote === found.vote
    );
    const text = `term ${found.term}, vote ${found.vote}, commit ${found.commit}, last index ${lastIndex}`;
    if (state === undefined) {
      const wanted = states.map(({ hardState: { term, vote }, lastIndex }) => `${term}/${vote}/${lastIndex}`);
      return `${text}: neither acknowledged nor asked for (term/vote/last index ${wanted.join(", ")})`;
    }
    if (found.commit < this.#durableHard.commit) return `${text}: commit ${this.#durableHard.commit} was durable`;
    return undefined;
  }

  #push(from: number, terms: readonly number[], chains: readonly number[]): ShadowState {
    const { issued } = this;
    const state = {
      hardState: this.#issuedHard,
      lastIndex: issued.lastIndex,
      lastChain: issued.chains[issued.lastIndex] ?? 0,
      from,
      terms,
      chains,
    };
    this.#open.push(state);
    return state;
  }
}
