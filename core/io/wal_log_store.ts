/**
 * The durable log of one Raft member: a write-ahead log and snapshot files in one directory.
 *
 * ```text
 * LOCK    taken while the log is open
 * wal/    segments, see wal_segment.ts
 * snap/   snapshots, see snapshot_files.ts
 * ```
 *
 * Two snapshots are kept, and the log from the older one on (from the start while there is one snapshot): when the
 * newest does not verify, the older one and the entries behind it say the same.
 *
 * @module
 */
import { type Disk, type DiskLock, DiskLockedError } from "../seams/disk.ts";
import type { Log } from "../seams/log.ts";
import {
  CorruptLogError,
  type Entry,
  type HardState,
  type LogStore,
  type Snapshot,
  type StoredLog,
} from "../seams/log_store.ts";
import { ConfigError } from "../plugin/errors.ts";
import { assert, InvariantError } from "../assert.ts";
import { systemClock } from "./clock.ts";
import { SnapshotFiles } from "./snapshot_files.ts";
import { timedDisk } from "./timed_disk.ts";
import { BATCH_BYTES_MAX, Wal } from "./wal.ts";
import { ENTRY_BYTES_MAX, type SnapshotMark, SNAPSHOTS_KEPT_MAX, type WalRecord } from "./wal_record.ts";
import { hardStateProblem, type WalReplay, type WalState, withMark } from "./wal_replay.ts";

/** Size of a segment unless told otherwise. */
export const SEGMENT_BYTES = 8 << 20;

/** Settings of {@linkcode openFileLogStore}. */
export interface FileLogStoreOptions {
  /** Whose log this is: a text that stays the same for the life of the member, e.g. mesh id and node id. */
  readonly identity: string;
  /** Who opens it, for the error message of whoever comes second, e.g. `weft, process 7`. */
  readonly owner: string;
  readonly log: Log;
  /** Default {@linkcode SEGMENT_BYTES}. */
  readonly segmentBytes?: number;
  /** Told how long each sync of the log took, in milliseconds; not those of snapshots. */
  readonly onSync?: (durationMs: number) => void;
}

/**
 * Opens the log in `directory`, or starts one there.
 *
 * @throws {ConfigError} If another process has it open, it is another member's, or its format is newer.
 * @throws {CorruptLogError} If acknowledged bytes are damaged or missing.
 */
export async function openFileLogStore(
  directory: string,
  disk: Disk,
  options: FileLogStoreOptions,
): Promise<LogStore> {
  await using stack = new AsyncDisposableStack();
  for (const path of [directory, `${directory}/wal`, `${directory}/snap`]) await disk.makeDirectory(path);
  stack.use(await lockLog(disk, directory, options.owner));
  const { identity, log, segmentBytes = SEGMENT_BYTES, onSync } = options;
  const walDisk = onSync ? timedDisk(disk, systemClock, onSync) : disk;
  const { wal, replay } = await Wal.open(walDisk, `${directory}/wal`, { identity, segmentBytes });
  stack.use(wal);
  const files = await SnapshotFiles.open(disk, `${directory}/snap`, replay.state.marks);
  const { stored, marks } = await restore(replay, files, directory, log);
  await files.removeExcept(replay.state.marks);
  const state = { ...replay.state, marks };
  // The log must not offer a snapshot that does not verify as the second-best one.
  if (marks !== replay.state.marks) await wal.append([{ kind: "snapshots-kept", marks }], state);
  return new FileLogStore(wal, files, stored, state, stack.move());
}

async function lockLog(disk: Disk, directory: string, owner: string): Promise<DiskLock> {
  try {
    return await disk.lock(`${directory}/LOCK`, owner);
  } catch (error) {
    if (!(error instanceof DiskLockedError)) throw error;
    throw new ConfigError(
      `Raft log is in use by ${error.holder || "another process"}: ${directory}`,
      "Stop that process, or choose another data directory.",
    );
  }
}

/** Finds the newest snapshot that verifies and has all its entries behind it. */
async function restore(
  replay: WalReplay,
  files: SnapshotFiles,
  directory: string,
  log: Log,
): Promise<{ stored: StoredLog; marks: readonly SnapshotMark[] }> {
  const { hardState, marks } = replay.state;
  for (const mark of marks.toReversed()) {
    const snapshot = await files.read(mark);
    if (typeof snapshot === "string") {
      log.warn("snapshot does not verify", { file: files.path(mark), why: snapshot });
    } else if (replay.firstIndex <= mark.index + 1) {
      const entries = replay.entries.slice(mark.index + 1 - replay.firstIndex);
      const commit = Math.max(hardState.commit, mark.index);
      const isNewest = mark === marks.at(-1);
      const stored = { hardState: { ...hardState, commit }, snapshot, entries };
      return { stored, marks: isNewest ? marks : [mark] };
    }
  }
  if (replay.firstIndex === 1) {
    return {
      stored: { hardState, snapshot: undefined, entries: replay.entries },
      marks: marks.length > 0 ? [] : marks,
    };
  }
  const newest = marks.at(-1);
  const path = newest ? files.path(newest) : `${directory}/wal`;
  throw new CorruptLogError(path, 0, `no snapshot verifies, and the log starts at entry ${replay.firstIndex}`);
}

/** See {@linkcode openFileLogStore}. */
class FileLogStore implements LogStore {
  readonly #wal: Wal;
  readonly #files: SnapshotFiles;
  readonly #resources: AsyncDisposableStack;
  #stored: StoredLog | undefined;
  /** What the log says once all that was asked for is written. */
  #state: WalState;
  /** The hard state of the newest record; `#state` may have a higher commit index. */
  #recordedHardState: HardState;
  #isInstalling = false;
  /** Resolves when the last snapshot asked for is done or given up. */
  #snapshotTurn: Promise<void> = Promise.resolve();

  constructor(wal: Wal, files: SnapshotFiles, stored: StoredLog, state: WalState, resources: AsyncDisposableStack) {
    this.#wal = wal;
    this.#files = files;
    this.#stored = stored;
    this.#state = { ...state, hardState: stored.hardState };
    this.#recordedHardState = state.hardState;
    this.#resources = resources;
  }

  get stored(): StoredLog {
    assert(this.#stored !== undefined, "What was stored is read before the first write");
    return this.#stored;
  }

  async append(hardState: HardState | undefined, entries: readonly Entry[], mustSync: boolean): Promise<void> {
    if (this.#wal.failure) throw this.#wal.failure;
    assert(!this.#isInstalling, "Entries behind an installed snapshot are appended when it is there");
    this.#stored = undefined;
    const before = this.#state;
    const next = hardState ?? before.hardState;
    checkAppend(before, next, entries);
    const isNewTerm = next.term !== before.hardState.term || next.vote !== before.hardState.vote;
    if (!mustSync && entries.length === 0 && !isNewTerm) {
      this.#state = { ...before, hardState: next };
      return;
    }
    const written: Promise<void>[] = [];
    const first = entries[0];
    const records: WalRecord[] = [];
    if (first && isNewTerm) this.#setHardState(records, { ...next, commit: before.hardState.commit });
    if (first && first.index <= before.lastIndex) records.push({ kind: "truncate", fromIndex: first.index });
    let bytes = 0;
    for (const entry of entries) {
      // A crash may keep some batches of a large append and lose the rest; none of it was acknowledged then.
      if (bytes > BATCH_BYTES_MAX) {
        written.push(this.#wal.append(records.splice(0), this.#state));
        bytes = 0;
      }
      records.push({ kind: "entry", entry });
      this.#state = { ...this.#state, lastIndex: entry.index };
      bytes += entry.data.length;
    }
    this.#setHardState(records, next);
    const last = this.#wal.append(records, this.#state);
    if (written.length === 0) return await last;
    written.push(last);
    await Promise.all(written);
  }

  saveSnapshot(snapshot: Snapshot, trailingEntriesCount: number): Promise<void> {
    return this.#inTurn(async () => {
      const { index } = snapshot.meta;
      if (index <= (this.#state.marks.at(-1)?.index ?? 0)) return;
      assert(index <= this.#state.hardState.commit, "A snapshot holds committed entries only");
      const mark = await this.#files.write(snapshot);
      const marks = withMark(this.#state.marks, mark);
      this.#state = { ...this.#state, marks };
      const records: WalRecord[] = [{ kind: "snapshot-saved", mark }];
      this.#setHardState(records, this.#state.hardState);
      await this.#wal.append(records, this.#state);
      const oldest = marks.length < SNAPSHOTS_KEPT_MAX ? undefined : marks[0];
      await this.#wal.segments.removeThrough(Math.min(index - trailingEntriesCount, oldest?.index ?? 0));
      await this.#files.removeExcept(marks);
    });
  }

  async installSnapshot(snapshot: Snapshot, hardState: HardState): Promise<void> {
    this.#isInstalling = true;
    try {
      await this.#inTurn(() => this.#install(snapshot, hardState));
    } finally {
      this.#isInstalling = false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#snapshotTurn;
    // Only a commit index can be waiting, and losing that is allowed.
    if (!this.#wal.failure) await this.append(undefined, [], true).catch(() => {});
    await this.#resources.disposeAsync();
  }

  async #install(snapshot: Snapshot, hardState: HardState): Promise<void> {
    const { index } = snapshot.meta;
    const problem = hardStateProblem(this.#state.hardState, hardState);
    assert(problem === undefined, `Hard state goes forward: ${problem}`);
    assert(hardState.commit >= index, "A snapshot from the leader is committed");
    const mark = await this.#files.write(snapshot);
    const marks = [mark];
    this.#state = { ...this.#state, lastIndex: index, marks };
    const records: WalRecord[] = [{ kind: "snapshot-installed", mark }];
    // A higher commit index speaks of entries that come with the next append.
    this.#setHardState(records, { ...hardState, commit: index });
    await this.#wal.append(records, this.#state);
    // Nothing in sealed segments counts any more.
    await this.#wal.segments.removeThrough(0);
    await this.#files.removeExcept(marks);
  }

  /** Adds the record that brings the log to `hardState`, if one is needed. */
  #setHardState(records: WalRecord[], hardState: HardState): void {
    this.#state = { ...this.#state, hardState };
    if (equalHardState(this.#recordedHardState, hardState)) return;
    this.#recordedHardState = hardState;
    records.push({ kind: "hard-state", hardState });
  }

  /** Runs `work` after all earlier snapshot work. A failure of the disk ends the log. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    this.#stored = undefined;
    const turn = Promise.withResolvers<void>();
    const before = this.#snapshotTurn;
    this.#snapshotTurn = turn.promise;
    try {
      await before;
      if (this.#wal.failure) throw this.#wal.failure;
      await work();
    } catch (error) {
      throw error instanceof InvariantError ? error : this.#wal.poison(error);
    } finally {
      turn.resolve();
    }
  }
}

/** States what Raft guarantees about what it asks to be written. */
function checkAppend(state: WalState, hardState: HardState, entries: readonly Entry[]): void {
  const problem = hardStateProblem(state.hardState, hardState);
  assert(problem === undefined, `Hard state goes forward: ${problem}`);
  const firstIndex = entries[0]?.index ?? state.lastIndex + 1;
  assert(firstIndex <= state.lastIndex + 1, "Entries follow the log without a gap");
  assert(firstIndex > state.hardState.commit, "Committed entries are never replaced");
  assert(entries.every((entry, i) => entry.index === firstIndex + i), "Entries follow each other without a gap");
  assert(entries.every(({ data }) => data.length <= ENTRY_BYTES_MAX), "An entry's data are within their limit");
  const lastIndex = entries.at(-1)?.index ?? state.lastIndex;
  assert(hardState.commit <= lastIndex, "What is committed is in the log");
}

function equalHardState(a: HardState, b: HardState): boolean {
  return a.term === b.term && a.vote === b.vote && a.commit === b.commit;
}
