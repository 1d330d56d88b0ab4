/**
 * This member's own snapshots: when one is taken, and what of the log goes once it is on disk (thesis §5.1.2).
 *
 * Only the copy of the database is made between two steps of the Raft loop. Writing and syncing it goes on beside the loop,
 * so that writes wait for the copy and not for the disk; the log shrinks when the snapshot is durable. One is written at a
 * time. A snapshot that a follower is being sent stays in memory until it is sent, whatever is on disk by then, and with it
 * the entries behind it: without them the follower would need the next snapshot as soon as it has this one.
 *
 * @module
 */
import { payloadBytes } from "../raft/entry_size.ts";
import type { MemoryStorage } from "../raft/memory_storage.ts";
import type { ConfState, Entry, LogStore } from "../seams/log_store.ts";
import type { Log } from "../seams/log.ts";
import type { StateMachine } from "../state/apply.ts";

/** When snapshots are taken, and what they leave of the log. */
export interface SnapshotPolicy {
  /** A snapshot is due when this many entries were applied since the last one, … */
  readonly entryCount: number;
  /** … or this many payload bytes. */
  readonly logBytes: number;
  /** It may be put off, up to a limit. Never, if left out. */
  readonly delay?: SnapshotDelay;
  /** Entries kept behind a snapshot, so that a follower that is a little late needs no snapshot, … */
  readonly trailingEntryCount: number;
  /** … up to so many payload bytes. No limit if left out. */
  readonly trailingBytes?: number;
}

/** When a snapshot is not worth its cost yet. */
export interface SnapshotDelay {
  /** A due snapshot waits until this share of the last one's size was written, and while a follower is sent one, … */
  readonly sizeShare: number;
  /** … but not beyond so many times the entries or bytes that make one due. */
  readonly timesMax: number;
}

/**
 * What a production member does. At 50,000 entries, the most between two snapshots, two snapshots keep 100,000 entries on
 * disk, half of which are applied again at a start: well below a second.
 */
export const SNAPSHOT_POLICY: SnapshotPolicy = {
  entryCount: 25_000,
  logBytes: 16 << 20,
  delay: { sizeShare: 1 / 2, timesMax: 2 },
  trailingEntryCount: 5_000,
  trailingBytes: 16 << 20,
};

/** A snapshot on stable storage. */
export interface SnapshotTaken {
  readonly index: number;
  readonly term: number;
  readonly bytes: number;
}

/** Payload bytes of entries that wait in memory behind a snapshot that is being sent; beyond that they go. */
export const SENDING_TAIL_BYTES_MAX = 128 << 20;

/** What a keeper works with; it owns none of it. */
export interface SnapshotKeeperParts {
  readonly machine: Pick<StateMachine, "appliedIndex" | "snapshot">;
  readonly storage: MemoryStorage;
  readonly store: Pick<LogStore, "saveSnapshot">;
  readonly policy: SnapshotPolicy;
  /** The oldest snapshot that a follower is being sent; `undefined` if none is. */
  readonly oldestSending: () => number | undefined;
  /** Called when one is saved, or could not be; see {@linkcode SnapshotKeeper.throwIfFailed}. */
  readonly onSettled: () => void;
  readonly log: Log;
}

/** See the module. */
export class SnapshotKeeper {
  readonly #parts: SnapshotKeeperParts;
  #entriesCount = 0;
  #bytes = 0;
  #saving: Promise<void> | undefined;
  /** Who wants a snapshot, due or not. */
  #wish: PromiseWithResolvers<SnapshotTaken> | undefined;
  #savedCount = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(parts: SnapshotKeeperParts) {
    this.#parts = parts;
  }

  /** Entries were applied. */
  applied(entries: readonly Entry[]): void {
    this.#entriesCount += entries.length;
    for (const { data } of entries) this.#bytes += data.length;
  }

  /** A snapshot from the leader was loaded: nothing has been applied since one. */
  loaded(): void {
    this.#entriesCount = 0;
    this.#bytes = 0;
  }

  /** How many have been written. */
  get savedCount(): number {
    return this.#savedCount;
  }

  /** Asks for a snapshot, due or not. Who asks before it is taken gets the same. */
  want(): Promise<SnapshotTaken> {
    this.#wish ??= Promise.withResolvers();
    return this.#wish.promise;
  }

  /** True if somebody waits for {@linkcode SnapshotKeeper.takeIfDue}. */
  get isWanted(): boolean {
    return this.#wish !== undefined && this.#saving === undefined;
  }

  /** Whoever waits for one that is not taken yet gets `error`. */
  abandon(error: Error): void {
    this.#wish?.reject(error);
    this.#wish = undefined;
  }

  /** Takes a snapshot if one is due or wanted, and none is being saved. @param confState Membership as of the applied index. */
  takeIfDue(confState: ConfState): void {
    if (this.#saving || !(this.#wish || this.#isDue())) return;
    const { machine, storage } = this.#parts;
    const snapshot = storage.createSnapshot(machine.appliedIndex, confState, machine.snapshot());
    this.loaded();
    const wish = this.#wish;
    this.#wish = undefined;
    const { index, term } = snapshot.meta;
    const saved = this.#save(snapshot).then(
      () => wish?.resolve({ index, term, bytes: snapshot.data.length }),
      (error) => {
        this.#failure = { error };
        wish?.reject(error);
      },
    );
    this.#saving = saved.then(() => {
      this.#saving = undefined;
      this.#parts.onSettled();
    });
  }

  /** @throws What kept a snapshot from being saved: the disk can no longer be trusted. */
  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Resolves when none is being saved; never rejects. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  #isDue(): boolean {
    const { entryCount, logBytes, delay } = this.#parts.policy;
    const times = Math.max(this.#entriesCount / entryCount, this.#bytes / logBytes);
    if (times < 1) return false;
    if (delay === undefined || times >= delay.timesMax) return true;
    const lastBytes = this.#parts.storage.snapshot()?.data.length ?? 0;
    return this.#bytes >= lastBytes * delay.sizeShare && this.#parts.oldestSending() === undefined;
  }

  async #save(snapshot: ReturnType<MemoryStorage["createSnapshot"]>): Promise<void> {
    const { storage, store, log, policy } = this.#parts;
    const { index } = snapshot.meta;
    await store.saveSnapshot(snapshot, policy.trailingEntryCount);
    this.#savedCount++;
    storage.compact(Math.min(this.#lastToGo(index), this.#lastSent(index)));
    log.info("snapshot taken", { index, bytes: snapshot.data.length });
  }

  /** The last entry that is not among the trailing ones before `index`. */
  #lastToGo(index: number): number {
    const { trailingEntryCount, trailingBytes = Infinity } = this.#parts.policy;
    const low = Math.max(this.#parts.storage.firstIndex(), index - trailingEntryCount + 1);
    const entries = this.#entriesFrom(low, index);
    let bytes = 0;
    let keptCount = 0;
    while (keptCount < entries.length) {
      bytes += entries[entries.length - 1 - keptCount]?.data.length ?? 0;
      if (bytes > trailingBytes) break;
      keptCount++;
    }
    return index - keptCount;
  }

  /** The last entry that is in a snapshot on its way; `index` if there is none, or too much behind it. */
  #lastSent(index: number): number {
    const sending = this.#parts.oldestSending();
    if (sending === undefined || sending >= index) return index;
    const bytes = payloadBytes(this.#entriesFrom(sending + 1, index));
    return bytes <= SENDING_TAIL_BYTES_MAX ? sending : index;
  }

  /** What is there of the entries `low` to `high`, both included. */
  #entriesFrom(low: number, high: number): readonly Entry[] {
    const { storage } = this.#parts;
    const first = Math.max(low, storage.firstIndex());
    return first > high ? [] : storage.entries(first, high + 1, Infinity) ?? [];
  }
}
