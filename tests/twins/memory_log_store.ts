/**
 * A log store in memory that can be stopped and opened again: the twin of `core/io/wal_log_store.ts`.
 *
 * What is durable lives in a {@linkcode MemoryLogDevice}. Writes take effect at once and become durable when the
 * promise of a synced call resolves, or when the test says so; {@linkcode MemoryLogDevice.open} after a crash gives what
 * was durable.
 *
 * @module
 */
import { assert } from "../../core/assert.ts";
import {
  type Entry,
  type HardState,
  type LogStore,
  LogStoreFailedError,
  type Snapshot,
  type StoredLog,
} from "../../core/seams/log_store.ts";

const EMPTY: StoredLog = { hardState: { term: 0, vote: 0, commit: 0 }, snapshot: undefined, entries: [] };

/** Where the durable bytes of one member would be. */
export class MemoryLogDevice {
  /** What a crash leaves. */
  durable: StoredLog = EMPTY;
  /** Called before each sync; a test delays it or lets it fail. */
  beforeSync: () => Promise<void> = () => Promise.resolve();

  /** Opens the log that the device holds. The one before must not be used any more. */
  open(): LogStore {
    return new MemoryLogStore(this);
  }
}

class MemoryLogStore implements LogStore {
  readonly #device: MemoryLogDevice;
  #stored: StoredLog | undefined;
  #current: StoredLog;
  #failure: LogStoreFailedError | undefined;
  /** Settles when all syncs asked for so far are done. */
  #synced: Promise<void> = Promise.resolve();

  constructor(device: MemoryLogDevice) {
    this.#device = device;
    this.#stored = this.#current = device.durable;
  }

  get stored(): StoredLog {
    assert(this.#stored !== undefined, "What was stored is read before the first write");
    return this.#stored;
  }

  append(hardState: HardState | undefined, entries: readonly Entry[], mustSync: boolean): Promise<void> {
    const { snapshot, entries: kept } = this.#current;
    const firstIndex = entries[0]?.index ?? Infinity;
    const next = [...kept.filter(({ index }) => index < firstIndex), ...entries];
    const isOnlyCommit = entries.length === 0 && hardState?.term === this.#current.hardState.term &&
      hardState.vote === this.#current.hardState.vote;
    return this.#write(
      { hardState: hardState ?? this.#current.hardState, snapshot, entries: next },
      mustSync || !isOnlyCommit,
    );
  }

  saveSnapshot(snapshot: Snapshot, _trailingEntriesCount: number): Promise<void> {
    const { hardState, entries, snapshot: before } = this.#current;
    if (before && before.meta.index >= snapshot.meta.index) return Promise.resolve();
    return this.#write({ hardState, snapshot, entries: entries.filter(({ index }) => index > snapshot.meta.index) });
  }

  installSnapshot(snapshot: Snapshot, hardState: HardState): Promise<void> {
    return this.#write({ hardState: { ...hardState, commit: snapshot.meta.index }, snapshot, entries: [] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#synced.catch(() => {});
    if (!this.#failure) this.#device.durable = this.#current;
    this.#failure ??= new LogStoreFailedError("it is closed");
  }

  #write(next: StoredLog, mustSync = true): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#stored = undefined;
    this.#current = next;
    return mustSync ? this.#sync(next) : Promise.resolve();
  }

  #sync(state: StoredLog): Promise<void> {
    const result = this.#synced.then(async () => {
      if (this.#failure) throw this.#failure;
      try {
        await this.#device.beforeSync();
      } catch (cause) {
        throw this.#failure = new LogStoreFailedError(cause);
      }
      this.#device.durable = state;
    });
    this.#synced = result.catch(() => {});
    return result;
  }
}
