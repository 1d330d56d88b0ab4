/**
 * What a log must hold, kept in the simplest way, and random Raft-like histories that drive a store and the model.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { Entry, EntryType, HardState, LogStore, Snapshot, StoredLog } from "../../../core/seams/log_store.ts";
import type { SeededRandom } from "../../twins/seeded_random.ts";

/** The whole log at one moment, compacted entries included. */
export interface ModelState {
  readonly hardState: HardState;
  /** By index; what lies below an installed snapshot is missing. */
  readonly entries: ReadonlyMap<number, Entry>;
  readonly lastIndex: number;
}

const TYPES: readonly EntryType[] = ["normal", "conf-change", "conf-change-v2"];
const START: ModelState = { hardState: { term: 0, vote: 0, commit: 0 }, entries: new Map(), lastIndex: 0 };

/** Drives one store through its lives. */
export class RaftLogModel {
  readonly #random: SeededRandom;
  readonly #entryBytesMax: number;
  /** All states the disk may hold: from the last acknowledged one to the newest. */
  #states: ModelState[] = [START];
  /** Snapshots by index and data, that the disk may hold. */
  readonly #snapshots = new Map<number, Snapshot>();
  /** The newest snapshot that was acknowledged. */
  #snapshotIndexMin = 0;
  #snapshotIndexMax = 0;

  constructor(random: SeededRandom, entryBytesMax: number) {
    this.#random = random;
    this.#entryBytesMax = entryBytesMax;
  }

  /** The state once all is written. */
  get newest(): ModelState {
    const state = this.#states.at(-1);
    assert(state);
    return state;
  }

  /** Does something that Raft might do; resolves when the store acknowledged it. */
  async step(store: LogStore): Promise<void> {
    const dice = this.#random.below(20);
    if (dice === 0) return await this.#install(store);
    if (dice <= 2) return await this.#save(store);
    const count = 1 + this.#random.below(4);
    const appends = Array.from({ length: count }, () => this.append(store));
    // A snapshot goes on beside the appends.
    if (this.#random.oneIn(8)) appends.push(this.#save(store));
    for (const { status, reason } of await settled(appends)) if (status === "rejected") throw reason;
  }

  /** Appends something random. */
  async append(store: LogStore): Promise<void> {
    const before = this.newest;
    const isNewTerm = this.#random.oneIn(5);
    const term = before.hardState.term + (isNewTerm ? 1 : 0);
    const vote = isNewTerm ? this.#random.below(4) : before.hardState.vote || this.#random.below(4);
    const entries = this.#random.oneIn(4) ? [] : this.#entries(before, term, isNewTerm);
    const lastIndex = entries.at(-1)?.index ?? before.lastIndex;
    const commit = before.hardState.commit + this.#random.below(lastIndex - before.hardState.commit + 1);
    const hardState = { term, vote, commit };
    const isLazy = entries.length === 0 && term === before.hardState.term && vote === before.hardState.vote;
    const mustSync = !isLazy || this.#random.oneIn(2);
    const log = new Map(before.entries);
    for (let i = entries[0]?.index ?? Infinity; i <= before.lastIndex; i++) log.delete(i);
    for (const entry of entries) log.set(entry.index, entry);
    const state = { hardState, entries: log, lastIndex };
    this.#states.push(state);
    await store.append(this.#random.oneIn(10) ? { ...hardState } : hardState, entries, mustSync);
    if (mustSync) this.#acknowledge(state);
  }

  /** Compares what a store found with what it may have found, and goes on from there. */
  check(stored: StoredLog): void {
    const { hardState, snapshot, entries } = stored;
    const index = snapshot?.meta.index ?? 0;
    if (snapshot) {
      assert.deepEqual(snapshot, this.#snapshots.get(index), "a snapshot nobody made");
      assert(index >= this.#snapshotIndexMin, "an acknowledged snapshot is gone");
    } else {
      assert.equal(this.#snapshotIndexMin, 0, "the snapshot is gone");
    }
    const state = this.#states.find((state) => matches(state, stored, index));
    if (!state) {
      assert.deepEqual(describe(stored), this.#states.map(describeState), "neither acknowledged nor asked for");
    }
    const commitMin = this.#states[0]?.hardState.commit ?? 0;
    assert(hardState.commit >= commitMin, "an acknowledged commit index is gone");
    const last = entries.at(-1)?.index ?? index;
    const full = new Map(state?.entries);
    this.#states = [{ hardState, entries: full, lastIndex: last }];
    this.#snapshotIndexMin = this.#snapshotIndexMax = index;
  }

  /** Demands the newest state; an older snapshot with the same entries behind it is as good as the newest. */
  checkEquivalent(stored: StoredLog): void {
    const index = stored.snapshot?.meta.index ?? 0;
    if (stored.snapshot) assert.deepEqual(stored.snapshot, this.#snapshots.get(index), "a snapshot nobody made");
    assert(matches(this.newest, stored, index), "silently another log");
    assert.equal(stored.hardState.commit, Math.max(this.newest.hardState.commit, index));
  }

  #entries(before: ModelState, term: number, isNewTerm: boolean): Entry[] {
    const { commit } = before.hardState;
    const replaces = isNewTerm && this.#random.oneIn(2) ? this.#random.below(before.lastIndex - commit + 1) : 0;
    const firstIndex = before.lastIndex + 1 - replaces;
    return Array.from({ length: 1 + this.#random.below(4) }, (_, i) => ({
      term,
      index: firstIndex + i,
      type: TYPES[this.#random.below(TYPES.length)] ?? "normal",
      data: this.#data(),
    }));
  }

  /** Zeros are what a lost sector looks like, so some data are nothing else. */
  #data(): Uint8Array {
    const bytes = this.#random.bytes(this.#entryBytesMax);
    return this.#random.oneIn(4) ? bytes.fill(0) : bytes;
  }

  #snapshot(index: number, term: number): Snapshot {
    const confState = { voters: [1, 2, 3], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const snapshot = { meta: { index, term, confState }, data: this.#random.bytes(3000) };
    const known = this.#snapshots.get(index) ?? snapshot;
    this.#snapshots.set(index, known);
    this.#snapshotIndexMax = Math.max(this.#snapshotIndexMax, index);
    return known;
  }

  async #save(store: LogStore): Promise<void> {
    const { hardState, entries } = this.newest;
    const index = this.#snapshotIndexMax + 1 +
      this.#random.below(Math.max(1, hardState.commit - this.#snapshotIndexMax));
    const entry = entries.get(index);
    if (index > hardState.commit || !entry) return;
    await store.saveSnapshot(this.#snapshot(index, entry.term), this.#random.below(6));
    this.#snapshotIndexMin = Math.max(this.#snapshotIndexMin, index);
  }

  async #install(store: LogStore): Promise<void> {
    const before = this.newest;
    const index = before.hardState.commit + 1 + this.#random.below(6);
    const term = before.hardState.term + this.#random.below(2);
    const vote = term === before.hardState.term ? before.hardState.vote : 0;
    const state = { hardState: { term, vote, commit: index }, entries: new Map(), lastIndex: index };
    this.#states.push(state);
    await store.installSnapshot(this.#snapshot(index, term), state.hardState);
    this.#acknowledge(state);
    this.#snapshotIndexMin = index;
  }

  /** All states before this one are gone for good. */
  #acknowledge(state: ModelState): void {
    this.#states = this.#states.slice(Math.max(0, this.#states.indexOf(state)));
  }
}

/** True if `stored` is `state` with everything up to the snapshot cut off, and a commit index that may lag. */
function matches(state: ModelState, { hardState, entries }: StoredLog, snapshotIndex: number): boolean {
  if (hardState.term !== state.hardState.term || hardState.vote !== state.hardState.vote) return false;
  if (hardState.commit > Math.max(state.hardState.commit, snapshotIndex) || hardState.commit < snapshotIndex) {
    return false;
  }
  if (state.lastIndex !== (entries.at(-1)?.index ?? snapshotIndex)) return false;
  return entries.every((entry, i) => {
    const expected = state.entries.get(entry.index);
    return entry.index === snapshotIndex + 1 + i && expected !== undefined && equalEntries(entry, expected);
  });
}

function equalEntries(a: Entry, b: Entry): boolean {
  return a.term === b.term && a.type === b.type && a.data.length === b.data.length &&
    a.data.every((byte, i) => byte === b.data[i]);
}

function describe({ hardState, entries, snapshot }: StoredLog): string {
  const { term, vote, commit } = hardState;
  const first = entries[0]?.index ?? "-";
  return `term ${term} vote ${vote} commit ${commit} snapshot ${snapshot?.meta.index} entries ${first}..${
    entries.at(-1)?.index
  }`;
}

function describeState({ hardState: { term, vote, commit }, lastIndex }: ModelState): string {
  return `term ${term} vote ${vote} commit ${commit} last ${lastIndex}`;
}

type Settled = { readonly status: "fulfilled" | "rejected"; readonly reason?: unknown };

async function settled(promises: readonly Promise<void>[]): Promise<readonly Settled[]> {
  return await Promise.allSettled(promises);
}
