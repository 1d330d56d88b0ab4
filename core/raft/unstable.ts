/**
 * The tail of the log that is not known to be durable: entries, and at most one snapshot that came before them.
 *
 * Some of it may be on its way to the disk (`inProgress`); a new leader may replace that part while the write runs, so a
 * finished write only counts if the term still fits.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { Entry, Snapshot } from "../seams/log_store.ts";
import { entriesBytes } from "./entry_size.ts";

/** Entries from `offset` on, in memory. */
export class Unstable {
  #snapshot: Snapshot | undefined;
  #snapshotInProgress = false;
  #entries: Entry[] = [];
  #offset: number;
  /** Entries below this index are on their way to the disk. */
  #inProgressEnd: number;
  #bytes = 0;

  /** Nothing unstable; the durable log ends before `offset`. */
  constructor(offset: number) {
    this.#offset = offset;
    this.#inProgressEnd = offset;
  }

  /** Index of the first unstable entry, if there is one; all before it is durable or in the snapshot. */
  get offset(): number {
    return this.#offset;
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Entries held, with their overhead. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** The last index of the log, if this part knows it. */
  lastIndex(): number | undefined {
    if (this.#entries.length > 0) return this.#offset + this.#entries.length - 1;
    return this.#snapshot?.meta.index;
  }

  /** The term at `index`, if this part knows it. */
  term(index: number): number | undefined {
    const place = index - this.#offset;
    if (place >= 0) return this.#entries[place]?.term;
    return this.#snapshot?.meta.index === index ? this.#snapshot.meta.term : undefined;
  }

  /** Entries of [`low`, `high`), all of which must be here. */
  slice(low: number, high: number): Entry[] {
    assert(low >= this.#offset && high <= this.#offset + this.#entries.length, "Unstable entries are held");
    return this.#entries.slice(low - this.#offset, high - this.#offset);
  }

  /** Whether there is anything to write that is not being written. */
  hasNext(): boolean {
    return this.#entries.length > this.#inProgressEnd - this.#offset || this.nextSnapshot() !== undefined;
  }

  /** Entries to write. */
  nextEntries(): Entry[] {
    const start = this.#inProgressEnd - this.#offset;
    return start === this.#entries.length ? [] : this.#entries.slice(start);
  }

  /** Snapshot to write. */
  nextSnapshot(): Snapshot | undefined {
    return this.#snapshotInProgress ? undefined : this.#snapshot;
  }

  /** All that is here is on its way to the disk. */
  acceptInProgress(): void {
    this.#inProgressEnd = this.#offset + this.#entries.length;
    this.#snapshotInProgress = this.#snapshot !== undefined;
  }

  /** Entries up to (`index`, `term`) are durable. Ignored if that entry has been replaced meanwhile, or is not here. */
  stableTo(index: number, term: number): void {
    const count = index + 1 - this.#offset;
    if (count <= 0 || this.#entries[count - 1]?.term !== term) return;
    this.#bytes -= entriesBytes(this.#entries.splice(0, count));
    this.#offset = index + 1;
    this.#inProgressEnd = Math.max(this.#inProgressEnd, this.#offset);
  }

  /** The snapshot as of `index` is durable. Ignored if a newer one has replaced it. */
  stableSnapshotTo(index: number): void {
    if (this.#snapshot?.meta.index !== index) return;
    this.#snapshot = undefined;
    this.#snapshotInProgress = false;
  }

  /** The whole log is replaced by `snapshot`. */
  restore(snapshot: Snapshot): void {
    this.#offset = snapshot.meta.index + 1;
    this.#inProgressEnd = this.#offset;
    this.#entries = [];
    this.#bytes = 0;
    this.#snapshot = snapshot;
    this.#snapshotInProgress = false;
  }

  /** Appends; from `entries[0].index` on, what was there before is replaced, also if it was durable or being written. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    assert(first.index <= this.#offset + this.#entries.length, "Entries follow the log without a gap");
    const keep = Math.max(0, first.index - this.#offset);
    if (keep < this.#entries.length) this.#bytes -= entriesBytes(this.#entries.splice(keep));
    this.#offset = Math.min(this.#offset, first.index);
    this.#inProgressEnd = Math.min(this.#inProgressEnd, first.index);
    for (const entry of entries) this.#entries.push(entry);
    this.#bytes += entriesBytes(entries);
  }
}
