/**
 * One member's log: what its storage holds followed by what is not durable yet, and how far it is committed and applied
 * (thesis §3.5, §3.6.1).
 *
 * Invariant: applied ≤ applying ≤ committed ≤ last index. Positions only go forward.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { Entry, Snapshot } from "../seams/log_store.ts";
import { countFitting, entriesBytes } from "./entry_size.ts";
import type { EntryId } from "./message.ts";
import type { RaftStorage } from "./storage.ts";
import { Unstable } from "./unstable.ts";

/** The log as the engine sees it. */
export class RaftLog {
  readonly #storage: RaftStorage;
  readonly #unstable: Unstable;
  readonly #maxApplyingBytes: number;
  #committed: number;
  #applying: number;
  #applied: number;
  /** Handed out to be applied and not reported back. */
  #applyingBytes = 0;
  #applyingPaused = false;

  /** All of `storage` is durable; what is compacted is applied. */
  constructor(storage: RaftStorage, maxApplyingBytes: number) {
    this.#storage = storage;
    this.#unstable = new Unstable(storage.lastIndex() + 1);
    this.#maxApplyingBytes = maxApplyingBytes;
    this.#committed = storage.firstIndex() - 1;
    this.#applying = this.#committed;
    this.#applied = this.#committed;
  }

  /** The last committed entry, as far as known here. */
  get committed(): number {
    return this.#committed;
  }

  /** The last entry that was handed out to be applied. */
  get applying(): number {
    return this.#applying;
  }

  /** The last entry that was reported applied. */
  get applied(): number {
    return this.#applied;
  }

  /** The part that is not known to be durable. */
  get unstable(): Unstable {
    return this.#unstable;
  }

  /** First index with an entry; one past the last if there is none. */
  firstIndex(): number {
    const snapshot = this.#unstable.snapshot;
    return snapshot === undefined ? this.#storage.firstIndex() : snapshot.meta.index + 1;
  }

  /** Last index with an entry or snapshot; 0 for an empty log. */
  lastIndex(): number {
    return this.#unstable.lastIndex() ?? this.#storage.lastIndex();
  }

  /** The last entry. */
  lastId(): EntryId {
    return this.#idAt(this.lastIndex());
  }

  /** The last entry known to be durable. */
  lastStableId(): EntryId {
    return this.#idAt(this.#unstable.offset - 1);
  }

  /** The last committed entry. */
  committedId(): EntryId {
    return this.#idAt(this.#committed);
  }

  /** The term at `index`; `undefined` if it is compacted or past the end. */
  term(index: number): number | undefined {
    const term = this.#unstable.term(index);
    if (term !== undefined) return term;
    // The storage may hold a tail that was replaced, or all that a snapshot on its way to the disk will replace.
    if (index >= this.#unstable.offset || index + 1 < this.firstIndex()) return undefined;
    return this.#storage.term(index);
  }

  /** Whether this log holds exactly this entry. */
  holds(id: EntryId): boolean {
    return this.term(id.index) === id.term;
  }

  /** Whether a candidate with this last entry knows at least as much (thesis §3.6.1). */
  isUpToDate(candidate: EntryId): boolean {
    const last = this.lastId();
    return candidate.term > last.term || (candidate.term === last.term && candidate.index >= last.index);
  }

  /** Entries from `low` to the end, cut to `maxBytes` but at least one; `undefined` if `low` is compacted. */
  entriesFrom(low: number, maxBytes: number): readonly Entry[] | undefined {
    const last = this.lastIndex();
    return low > last ? [] : this.slice(low, last + 1, maxBytes);
  }

  /** Entries of [`low`, `high`), cut to `maxBytes` but at least one; `undefined` if `low` is compacted. */
  slice(low: number, high: number, maxBytes: number): readonly Entry[] | undefined {
    assert(low <= high && high <= this.lastIndex() + 1, "Entries are asked for within the log");
    if (low < this.firstIndex()) return undefined;
    if (low === high) return [];
    const offset = this.#unstable.offset;
    if (low >= offset) return cut(this.#unstable.slice(low, high), maxBytes);
    const stable = this.#storage.entries(low, Math.min(high, offset), maxBytes);
    if (stable === undefined || high <= offset || stable.length < offset - low) return stable;
    const rest = maxBytes - entriesBytes(stable);
    const unstable = cut(this.#unstable.slice(offset, high), rest);
    return entriesBytes(unstable) > rest ? stable : [...stable, ...unstable];
  }

  /** The newest snapshot there is. */
  snapshot(): Snapshot | undefined {
    return this.#unstable.snapshot ?? this.#storage.snapshot();
  }

  /** A leader's own entries; they follow the last one. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    assert(first === undefined || first.index === this.lastIndex() + 1, "A leader only appends");
    this.#unstable.truncateAndAppend(entries);
  }

  /** The index from which on {@linkcode RaftLog.appendFromLeader} would replace what is here; `undefined` if nowhere. */
  firstConflict(entries: readonly Entry[]): number | undefined {
    const first = entries.find((entry) => !this.holds(entry));
    return first === undefined || first.index > this.lastIndex() ? undefined : first.index;
  }

  /**
   * A leader's entries at a follower (thesis Fig. 3.1, AppendEntries 2–5): they follow `previous`, which is not before the
   * commit, without a gap; `commit` is the leader's. Entries that are here already stay, so that an old message does not
   * cut off newer ones.
   *
   * @returns The last index that the message proves to be common, `undefined` if `previous` is not here.
   */
  appendFromLeader(previous: EntryId, entries: readonly Entry[], commit: number): number | undefined {
    assert(previous.index >= this.#committed, "Committed entries are not replaced");
    if (!this.holds(previous)) return undefined;
    const news = entries.findIndex((entry) => !this.holds(entry));
    if (news >= 0) this.#unstable.truncateAndAppend(news === 0 ? entries : entries.slice(news));
    const lastIndex = previous.index + entries.length;
    this.commitTo(Math.min(commit, lastIndex));
    return lastIndex;
  }

  /**
   * The last entry at or below `index` with at most this term: the other log, which has `term` at `index`, cannot agree
   * with anything above it. `term` is 0 in the answer if it is not known here.
   */
  lastAtMost(index: number, term: number): EntryId {
    for (let at = index; at > 0; at--) {
      const own = this.term(at);
      if (own === undefined) return { index: at, term: 0 };
      if (own <= term) return { index: at, term: own };
    }
    return { index: 0, term: 0 };
  }

  /** Commits up to `index` if that is news. */
  commitTo(index: number): void {
    if (index <= this.#committed) return;
    assert(index <= this.lastIndex(), "Only entries that exist are committed");
    this.#committed = index;
  }

  /** Everything is replaced by `snapshot`, which is committed. */
  restore(snapshot: Snapshot): void {
    assert(snapshot.meta.index > this.#committed, "A snapshot never takes back a commit");
    this.#committed = snapshot.meta.index;
    this.#unstable.restore(snapshot);
  }

  /** Whether a snapshot waits to be written or loaded. */
  hasPendingSnapshot(): boolean {
    return this.#unstable.snapshot !== undefined;
  }

  /** Whether {@linkcode nextCommitted} has anything. */
  hasNextCommitted(withUnstable: boolean): boolean {
    return !this.#applyingPaused && !this.hasPendingSnapshot() && this.#applying < this.#applicable(withUnstable);
  }

  /** Committed entries to apply next, within the limit of bytes; `withUnstable` if they need not be durable here. */
  nextCommitted(withUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommitted(withUnstable)) return [];
    const maxBytes = this.#maxApplyingBytes - this.#applyingBytes;
    const entries = this.slice(this.#applying + 1, this.#applicable(withUnstable) + 1, maxBytes);
    assert(entries !== undefined, "Entries are compacted only after they are applied");
    return entries;
  }

  /** `entries`, from {@linkcode nextCommitted}, are being applied. */
  acceptApplying(entries: readonly Entry[], withUnstable: boolean): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#applying = last.index;
    this.#applyingBytes += entriesBytes(entries);
    // A batch that the limit cut short is applied before the next one is handed out.
    this.#applyingPaused = this.#applyingBytes >= this.#maxApplyingBytes || last.index < this.#applicable(withUnstable);
  }

  /** The state machine holds everything up to `index`; `bytes` is what it took from the limit. */
  appliedTo(index: number, bytes: number): void {
    assert(index <= this.#committed, "Only committed entries are applied");
    assert(index >= this.#applied, "Entries are applied in order");
    this.#applied = index;
    this.#applying = Math.max(this.#applying, index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - bytes);
    this.#applyingPaused = this.#applyingBytes >= this.#maxApplyingBytes;
  }

  /**
   * Checks the positions against each other.
   *
   * @throws {InvariantError} On a contradiction.
   */
  checkInvariants(): void {
    assert(this.#applied <= this.#applying, "Applied entries were handed out");
    assert(this.#applying <= this.#committed, "Only committed entries are applied");
    assert(this.#committed <= this.lastIndex(), "Only entries that exist are committed");
    assert(
      this.hasPendingSnapshot() || this.firstIndex() <= this.#applying + 1,
      "Entries are compacted only after they were handed out to be applied",
    );
  }

  #applicable(withUnstable: boolean): number {
    return withUnstable ? this.#committed : Math.min(this.#committed, this.#unstable.offset - 1);
  }

  #idAt(index: number): EntryId {
    const term = this.term(index);
    assert(term !== undefined, "Entries from the last applied one on have a term");
    return { term, index };
  }
}

function cut(entries: Entry[], maxBytes: number): Entry[] {
  const count = countFitting(entries, 0, entries.length, maxBytes);
  return count === entries.length ? entries : entries.slice(0, count);
}
