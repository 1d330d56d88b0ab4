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
 * The durable log. One writer. A rejected write means the disk cannot be trusted: the process must stop.
 */
export interface LogStore extends AsyncDisposable {
  /** What was on disk at open. */
  readonly stored: StoredLog;
  /**
   * Appends, replacing any suffix from `entries[0].index`, and stores `hardState` if given. When `mustSync`, resolves
   * after the bytes are on stable storage (one fdatasync for the batch).
   */
  append(hardState: HardState | undefined, entries: readonly Entry[], mustSync: boolean): Promise<void>;
  /** Makes `snapshot` durable and then drops entries up to `snapshot.meta.index - trailingEntriesCount`. */
  saveSnapshot(snapshot: Snapshot, trailingEntriesCount: number): Promise<void>;
  /** Replaces the whole log by `snapshot` received from the leader. */
  installSnapshot(snapshot: Snapshot, hardState: HardState): Promise<void>;
}
