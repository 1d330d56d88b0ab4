/**
 * What must hold in every run (thesis Fig. 3.2), against an omniscient record of it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ConfState, Entry, HardState, SnapshotMeta } from "../../../../core/seams/log_store.ts";

interface Fact {
  readonly term: number;
  readonly text: string;
}

/** Omniscient. */
export class Checker {
  readonly #leaders = new Map<number, number>();
  readonly #votes = new Map<string, number>();
  readonly #entries = new Map<string, string>();
  readonly #committed = new Map<number, Fact>();
  readonly #memberships = new Map<number, string>();
  /** The largest index that any member knew to be committed. */
  maxCommitted = 0;
  elections = 0;

  /** A vote is given once per term, also across crashes, and terms go forward. */
  hardStateWritten(id: number, before: HardState, after: HardState): void {
    assert(after.term >= before.term, "terms go forward on disk");
    if (after.vote === 0) return;
    const key = `${id} in ${after.term}`;
    assert.equal(this.#votes.get(key) ?? after.vote, after.vote, `one vote of ${key}`);
    this.#votes.set(key, after.vote);
  }

  /** Log matching: the same index and term, the same entry and the same entry before it. */
  entriesWritten(log: readonly Entry[], from: number, base: SnapshotMeta | undefined): void {
    for (let i = from; i < log.length; i++) {
      const entry = log[i];
      assert(entry !== undefined);
      const key = `${entry.term}/${entry.index}`;
      const text = `${log[i - 1]?.term ?? base?.term ?? 0} ${textOf(entry)}`;
      assert.equal(this.#entries.get(key) ?? text, text, `log matching at ${key}`);
      this.#entries.set(key, text);
    }
  }

  /** State machine safety: the same entry at the same index everywhere. */
  applied(entry: Entry, membership: ConfState): void {
    const fact = { term: entry.term, text: textOf(entry) };
    assert.deepEqual(this.#committed.get(entry.index) ?? fact, fact, `state machine safety at ${entry.index}`);
    this.#committed.set(entry.index, fact);
    if (entry.type === "normal") return;
    const text = JSON.stringify(membership);
    assert.equal(this.#memberships.get(entry.index) ?? text, text, `same membership at ${entry.index}`);
    this.#memberships.set(entry.index, text);
  }

  /** Election safety, and leader completeness of a new leader. */
  leads(id: number, term: number, termAt: (index: number) => number | undefined): void {
    if (this.#leaders.get(term) === id) return;
    assert(!this.#leaders.has(term), `election safety: ${id} and ${this.#leaders.get(term)} lead term ${term}`);
    this.#leaders.set(term, id);
    this.elections++;
    for (const [index, fact] of this.#committed) {
      const own = termAt(index);
      assert(own === undefined || own === fact.term, `leader completeness: ${id} in term ${term} at ${index}`);
    }
  }
}

function textOf({ type, data }: Entry): string {
  return `${type} ${data}`;
}
