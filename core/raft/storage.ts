/**
 * The durable log as the engine reads it. The engine never writes: what to write comes out of `ready()`.
 *
 * @module
 */
import type { ConfState, Entry, HardState, Snapshot } from "../seams/log_store.ts";

/** What the member knew when it started. */
export interface InitialState {
  readonly hardState: HardState;
  /** Membership as of the applied index that the engine is started with. */
  readonly confState: ConfState;
}

/**
 * Synchronous reads of what is durable, or is being made durable right now. {@linkcode MemoryStorage} is the
 * implementation that mirrors a log on disk.
 */
export interface RaftStorage {
  /** Read once, when the engine starts. */
  initialState(): InitialState;
  /** The first entry that {@linkcode RaftStorage.entries} can return; one past the last if it holds none. */
  firstIndex(): number;
  /** The last entry, or the snapshot's index if no entry follows it; 0 if there was never anything. */
  lastIndex(): number;
  /** The term of the entry at `index`, for `firstIndex() - 1 .. lastIndex()`; `undefined` outside. */
  term(index: number): number | undefined;
  /**
   * The entries of [`low`, `high`), cut to `maxBytes` but at least one. The caller owns the array, not the entries.
   *
   * @returns `undefined` if `low` is compacted.
   */
  entries(low: number, high: number, maxBytes: number): readonly Entry[] | undefined;
  /** A snapshot to send to a follower, at `firstIndex() - 1` or later; `undefined` while there is none. */
  snapshot(): Snapshot | undefined;
}
