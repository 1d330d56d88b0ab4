/**
 * What one member has durably written, and what a crash may take back: a commit index that was not synced.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Entry, HardState, Snapshot, StoredLog } from "../../../../core/seams/log_store.ts";
import type { Checker } from "./checker.ts";

/** Survives crashes. */
export class Disk {
  readonly #id: number;
  readonly #checker: Checker;
  #hardState: HardState = { term: 0, vote: 0, commit: 0 };
  #syncedCommit = 0;
  #snapshot: Snapshot | undefined;
  /** In order, without gaps, from the snapshot on. */
  #entries: Entry[] = [];

  constructor(id: number, checker: Checker, first?: Snapshot) {
    this.#id = id;
    this.#checker = checker;
    this.#snapshot = first;
  }

  /** What a starting member finds. */
  get stored(): StoredLog {
    return { hardState: this.#hardState, snapshot: this.#snapshot, entries: [...this.#entries] };
  }

  /** Whether this entry is here, or covered by a snapshot. */
  holds(index: number, term: number): boolean {
    const base = this.#snapshot?.meta.index ?? 0;
    return index <= base || this.#entries[index - base - 1]?.term === term;
  }

  /** One write; only a commit index may come without sync. */
  write(
    hardState: HardState | undefined,
    entries: readonly Entry[],
    snapshot: Snapshot | undefined,
    sync: boolean,
  ): void {
    if (hardState !== undefined) {
      this.#checker.hardStateWritten(this.#id, this.#hardState, hardState);
      assert(sync || hardState.term === this.#hardState.term && hardState.vote === this.#hardState.vote, "sync is due");
      this.#hardState = hardState;
    }
    if (snapshot !== undefined) this.install(snapshot);
    if (entries.length > 0) this.#append(entries);
    if (sync) this.#syncedCommit = this.#hardState.commit;
  }

  /** A snapshot from the leader replaces everything. */
  install(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#entries = [];
  }

  /** A snapshot of the member's own replaces what it covers. */
  compact(snapshot: Snapshot): void {
    const base = this.#snapshot?.meta.index ?? 0;
    this.#snapshot = snapshot;
    this.#entries = this.#entries.slice(snapshot.meta.index - base);
  }

  /** What was not synced may be gone. */
  crash(lose: boolean): void {
    if (lose) this.#hardState = { ...this.#hardState, commit: Math.min(this.#hardState.commit, this.#syncedCommit) };
  }

  #append(entries: readonly Entry[]): void {
    const base = this.#snapshot?.meta.index ?? 0;
    const kept = entries.filter((entry) => entry.index > base);
    const first = kept[0];
    if (first === undefined) return;
    assert(first.index <= base + this.#entries.length + 1, "a write leaves no gap");
    this.#entries.length = first.index - base - 1;
    this.#entries.push(...kept);
    this.#checker.entriesWritten(this.#entries, first.index - base - 1, this.#snapshot?.meta);
  }
}
