/**
 * The product's log store with a witness beside it: what it is asked, and when it says that it is done.
 *
 * @module
 */
import type { Entry, HardState, LogStore, Snapshot, StoredLog } from "../../core/seams/log_store.ts";
import type { SimDisk } from "./disk.ts";
import type { Observed, Oracle } from "./oracle.ts";

/** See the module. */
export class WatchedStore implements LogStore {
  readonly #inner: LogStore;
  readonly #member: Observed;
  readonly #oracle: Oracle;
  readonly #disk: SimDisk;

  constructor(inner: LogStore, member: Observed, oracle: Oracle, disk: SimDisk) {
    this.#inner = inner;
    this.#member = member;
    this.#oracle = oracle;
    this.#disk = disk;
  }

  get stored(): StoredLog {
    return this.#inner.stored;
  }

  async append(hardState: HardState | undefined, entries: readonly Entry[], mustSync: boolean): Promise<void> {
    const { shadow } = this.#member;
    const state = shadow.append(hardState, entries);
    if (entries.length > 0) this.#oracle.written(this.#member, entries);
    const writesBefore = this.#disk.logWrites;
    await this.#inner.append(hardState, entries, mustSync);
    if (!mustSync) return;
    this.#expectSync(writesBefore, `append up to ${state.lastIndex}`);
    shadow.acknowledge(state);
  }

  async saveSnapshot(snapshot: Snapshot, trailingEntriesCount: number): Promise<void> {
    this.#oracle.snapshot(this.#member, snapshot.meta);
    await this.#inner.saveSnapshot(snapshot, trailingEntriesCount);
  }

  async installSnapshot(snapshot: Snapshot, hardState: HardState): Promise<void> {
    const { index } = snapshot.meta;
    this.#oracle.snapshot(this.#member, snapshot.meta);
    const state = this.#member.shadow.install(snapshot, this.#oracle.chainAt(index) ?? 0, hardState);
    const writesBefore = this.#disk.logWrites;
    await this.#inner.installSnapshot(snapshot, hardState);
    this.#expectSync(writesBefore, `snapshot at ${index}`);
    this.#member.shadow.acknowledge(state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }

  /** Something must have been written to the log since, and synced. */
  #expectSync(writesBefore: number, what: string): void {
    if (this.#disk.logSyncs > writesBefore) return;
    this.#oracle.violate(7, `the store of ${this.#member.id} says done before a sync: ${what}`);
  }
}
