/**
 * The in-memory mirror of a member's durable log: what `ready()` asked to write goes here as well, once it is durable.
 *
 * Whoever drives the engine keeps both in step: write `LogStore`, then the mirror, then send responses. The mirror holds
 * the entries that followers may still need; {@linkcode MemoryStorage.compact} lets go of the rest.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { ConfState, Entry, HardState, Snapshot, StoredLog } from "../seams/log_store.ts";
import { countFitting } from "./entry_size.ts";
import { EMPTY_MEMBERSHIP } from "./membership.ts";
import type { InitialState, RaftStorage } from "./storage.ts";

const NEW_HARD_STATE: HardState = { term: 0, vote: 0, commit: 0 };

/** A log whose first entry follows (`#baseIndex`, `#baseTerm`), in memory. */
export class MemoryStorage implements RaftStorage {
  #hardState: HardState = NEW_HARD_STATE;
  #confState: ConfState = EMPTY_MEMBERSHIP;
  #snapshot: Snapshot | undefined;
  #entries: Entry[] = [];
  #baseIndex = 0;
  #baseTerm = 0;

  /** What was on disk, or an empty log. Entries at or below the snapshot are not needed and left out. */
  constructor(stored?: StoredLog) {
    if (stored === undefined) return;
    if (stored.snapshot !== undefined) this.applySnapshot(stored.snapshot);
    this.append(stored.entries);
    this.#hardState = stored.hardState;
  }

  /** See {@linkcode RaftStorage.initialState}; the membership is the snapshot's unless {@linkcode setConfState} was called. */
  initialState(): InitialState {
    return { hardState: this.#hardState, confState: this.#confState };
  }

  firstIndex(): number {
    return this.#baseIndex + 1;
  }

  lastIndex(): number {
    return this.#baseIndex + this.#entries.length;
  }

  term(index: number): number | undefined {
    const place = index - this.#baseIndex - 1;
    if (place >= 0) return this.#entries[place]?.term;
    return place === -1 ? this.#baseTerm : undefined;
  }

  entries(low: number, high: number, maxBytes: number): readonly Entry[] | undefined {
    if (low <= this.#baseIndex) return undefined;
    assert(low <= high && high <= this.lastIndex() + 1, "Entries are asked for within the log");
    const start = low - this.#baseIndex - 1;
    const count = countFitting(this.#entries, start, high - this.#baseIndex - 1, maxBytes);
    return this.#entries.slice(start, start + count);
  }

  snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Mirrors `Ready.hardState`. */
  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  /** For a member that restarts with a state machine ahead of its snapshot: the membership as of `appliedIndex`. */
  setConfState(confState: ConfState): void {
    this.#confState = confState;
  }

  /** Mirrors `Ready.entries`: replaces any suffix from `entries[0].index`; entries below the base are left out. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    assert(first.index <= this.lastIndex() + 1, "Entries follow the log without a gap");
    const skip = Math.max(0, this.#baseIndex + 1 - first.index);
    if (skip >= entries.length) return;
    this.#entries.length = first.index + skip - this.#baseIndex - 1;
    for (let i = skip; i < entries.length; i++) {
      const entry = entries[i];
      if (entry !== undefined) this.#entries.push(entry);
    }
  }

  /** Mirrors `Ready.snapshot`: replaces the whole log. One that is older than the present snapshot is ignored. */
  applySnapshot(snapshot: Snapshot): void {
    if (this.#snapshot !== undefined && this.#snapshot.meta.index >= snapshot.meta.index) return;
    this.#snapshot = snapshot;
    this.#confState = snapshot.meta.confState;
    this.#entries = [];
    this.#baseIndex = snapshot.meta.index;
    this.#baseTerm = snapshot.meta.term;
  }

  /**
   * Keeps a snapshot of the state machine as of `index` for followers that need one; the log stays.
   *
   * @returns The snapshot, to be made durable.
   */
  createSnapshot(index: number, confState: ConfState, data: Uint8Array): Snapshot {
    const term = this.term(index);
    assert(term !== undefined && index <= this.lastIndex(), "A snapshot ends within the log");
    assert(index >= (this.#snapshot?.meta.index ?? 0), "Snapshots go forward");
    this.#snapshot = { meta: { index, term, confState }, data };
    return this.#snapshot;
  }

  /** Drops the entries up to and including `index`, which a snapshot must cover. Nothing if they are gone already. */
  compact(index: number): void {
    if (index <= this.#baseIndex) return;
    const term = this.term(index);
    assert(term !== undefined, "Compaction ends within the log");
    this.#entries = this.#entries.slice(index - this.#baseIndex);
    this.#baseIndex = index;
    this.#baseTerm = term;
  }
}
