/**
 * What the log means: the state that a sequence of records leaves behind.
 *
 * @module
 */
import type { Entry, HardState } from "../seams/log_store.ts";
import { unreachable } from "../assert.ts";
import { type SnapshotMark, SNAPSHOTS_KEPT_MAX, type WalRecord } from "./wal_record.ts";

/** All that the log must remember besides the entries themselves; the start of each segment repeats it. */
export interface WalState {
  readonly hardState: HardState;
  /** Index of the newest entry, or of the snapshot when no entry follows it; 0 in an empty log. */
  readonly lastIndex: number;
  /** Snapshots that count, oldest first. */
  readonly marks: readonly SnapshotMark[];
}

/** The state of a log without records. */
export const EMPTY_WAL_STATE: WalState = { hardState: { term: 0, vote: 0, commit: 0 }, lastIndex: 0, marks: [] };

/** The snapshots that count once `mark` was saved. */
export function withMark(marks: readonly SnapshotMark[], mark: SnapshotMark): readonly SnapshotMark[] {
  return [...marks, mark].slice(-SNAPSHOTS_KEPT_MAX);
}

/** Says why `next` may not follow `hardState`: terms only rise, a vote stands for its term, commits only rise. */
export function hardStateProblem(hardState: HardState, next: HardState): string | undefined {
  if (next.term < hardState.term) return `term ${next.term} follows ${hardState.term}`;
  if (next.commit < hardState.commit) return `commit ${next.commit} follows ${hardState.commit}`;
  if (next.term === hardState.term && hardState.vote !== 0 && next.vote !== hardState.vote) {
    return `vote ${next.vote} follows ${hardState.vote} in term ${next.term}`;
  }
  return undefined;
}

/** Applies records in order. */
export class WalReplay {
  #hardState: HardState = EMPTY_WAL_STATE.hardState;
  #marks: readonly SnapshotMark[] = [];
  #firstIndex: number;
  readonly #entries: Entry[] = [];

  /** @param firstIndex Index of the first entry that will come. */
  constructor(firstIndex: number) {
    this.#firstIndex = firstIndex;
  }

  /** Index of the oldest entry, or of the next one when there is none. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** Entries from `firstIndex` on, contiguous. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get state(): WalState {
    return { hardState: this.#hardState, lastIndex: this.#lastIndex, marks: this.#marks };
  }

  get #lastIndex(): number {
    return this.#firstIndex + this.#entries.length - 1;
  }

  /** Returns what contradicts the records before, if anything. */
  apply(record: WalRecord): string | undefined {
    switch (record.kind) {
      case "entry":
        if (record.entry.index !== this.#lastIndex + 1) {
          return `entry ${record.entry.index} follows ${this.#lastIndex}`;
        }
        this.#entries.push(record.entry);
        return undefined;
      case "hard-state": {
        const problem = hardStateProblem(this.#hardState, record.hardState);
        this.#hardState = record.hardState;
        return problem;
      }
      case "truncate":
        return this.#truncate(record.fromIndex);
      case "snapshot-saved":
        if (record.mark.index > this.#lastIndex) return `snapshot ${record.mark.index} is ahead of the log`;
        this.#marks = withMark(this.#marks, record.mark);
        return undefined;
      case "snapshot-installed":
        this.#marks = [record.mark];
        this.#entries.length = 0;
        this.#firstIndex = record.mark.index + 1;
        return undefined;
      case "snapshots-kept":
        this.#marks = record.marks;
        return undefined;
      case "commit":
        if (record.lastIndex !== this.#lastIndex) return `a batch ends with entry ${this.#lastIndex}`;
        return this.#hardState.commit > this.#lastIndex ? "the commit index is ahead of the log" : undefined;
      default:
        return unreachable(record);
    }
  }

  #truncate(fromIndex: number): string | undefined {
    if (fromIndex > this.#lastIndex) return `truncation from ${fromIndex} behind ${this.#lastIndex}`;
    if (fromIndex <= this.#hardState.commit) return `truncation from ${fromIndex} of committed entries`;
    this.#entries.length = Math.max(0, fromIndex - this.#firstIndex);
    this.#firstIndex = Math.min(this.#firstIndex, fromIndex);
    return undefined;
  }
}
