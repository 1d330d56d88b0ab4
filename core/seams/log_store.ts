/**
 * Durable storage of one Raft member as the Raft loop sees it: hard state, entries and snapshots on stable storage.
 *
 * @module
 */

/** What must survive a crash besides entries (Raft thesis Fig. 3.1). `vote` 0 means none. */
export interface HardState {
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
}

/** Entry kinds as in etcd's wire enum. */
export type EntryType = "normal" | "conf-change" | "conf-change-v2";

/** One log entry; `data` is owned by whoever holds the entry and never mutated. */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** Membership as of an index (thesis §4.3). All lists sorted ascending. */
export interface ConfState {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learnersNext: readonly number[];
  readonly autoLeave: boolean;
}

/** Where a snapshot stands in the log. */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

/** A snapshot with its database image. */
export interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly data: Uint8Array;
}

/** What a store held when it was opened. */
export interface StoredLog {
  readonly hardState: HardState;
  readonly snapshot: Snapshot | undefined;
  /** Entries after the snapshot, contiguous. */
  readonly entries: readonly Entry[];
}

/** The bytes on disk contradict themselves in a place that a torn write cannot explain. */
export class CorruptLogError extends Error {
  override readonly name = "CorruptLogError";
  readonly file: string;
  /** Bytes from the start of `file`. */
  readonly offset: number;

  constructor(file: string, offset: number, why: string) {
    super(`Write-ahead log is damaged: ${file} at offset ${offset}: ${why}`);
    this.file = file;
    this.offset = offset;
  }
}

/**
 * A write or sync failed. What is on the disk is unknown until the log is opened again: a later sync may claim success
 * for bytes the system has already thrown away. The store refuses everything from then on; the process must stop.
 */
export class LogStoreFailedError extends Error {
  override readonly name = "LogStoreFailedError";

  constructor(cause: unknown) {
    super(`Write-ahead log can no longer be trusted: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/**
 * The durable log. One writer: calls take effect in the order in which they are made, also when the caller does not
 * wait for one before it makes the next. A rejection with {@linkcode LogStoreFailedError} means the process must stop.
 *
 * The caller keeps Raft's order: entries are contiguous, `term` and `commit` never fall, a vote stands for its term, no
 * committed entry is replaced. An `InvariantError` says where it did not.
 */
export interface LogStore extends AsyncDisposable {
  /**
   * What was there at open. Belongs to whoever reads it before the first write; the store lets go of it then, so that
   * an old snapshot does not stay in memory.
   */
  readonly stored: StoredLog;
  /**
   * Appends, replacing any suffix from `entries[0].index`, and stores `hardState` if given.
   *
   * When `mustSync`, resolves once all of it, and all before it, is on stable storage: one fdatasync for everything
   * that waits. Otherwise a mere rise of `commit` may wait in memory for the next write, and a crash may undo it.
   */
  append(hardState: HardState | undefined, entries: readonly Entry[], mustSync: boolean): Promise<void>;
  /**
   * Makes `snapshot` durable, then drops entries up to `snapshot.meta.index - trailingEntriesCount`. Appends go on
   * meanwhile. Does nothing if a newer snapshot is there already.
   */
  saveSnapshot(snapshot: Snapshot, trailingEntriesCount: number): Promise<void>;
  /**
   * Replaces the whole log by `snapshot`, received from the leader, together with `hardState`. The caller waits for it
   * before it appends what follows; a `commit` beyond the snapshot is stored with that, up to the snapshot's index now.
   */
  installSnapshot(snapshot: Snapshot, hardState: HardState): Promise<void>;
}
