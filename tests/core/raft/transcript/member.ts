/**
 * One member of a transcript's cluster: an engine, its storage, its state machine and its storage queues.
 *
 * The state machine appends all payloads; its history is kept as snapshots, the newest of which is what a leader sends.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { RaftConfig } from "../../../../core/raft/config.ts";
import { confChangeOf } from "../../../../core/raft/conf_change.ts";
import { RaftEngine } from "../../../../core/raft/engine.ts";
import { MemoryStorage } from "../../../../core/raft/memory_storage.ts";
import type { Message, StorageAppend, StorageApply } from "../../../../core/raft/message.ts";
import type { Ready } from "../../../../core/raft/ready.ts";
import type { Entry, HardState, Snapshot } from "../../../../core/seams/log_store.ts";

/** Storage whose newest snapshot is always the state machine's present state. */
class HistoryStorage extends MemoryStorage {
  readonly history: Snapshot[];

  constructor(first: Snapshot) {
    super();
    this.history = [first];
  }

  get newest(): Snapshot {
    const newest = this.history.at(-1);
    assert(newest !== undefined, "history starts with a snapshot");
    return newest;
  }

  override snapshot(): Snapshot {
    return this.newest;
  }
}

class TranscriptEngine extends RaftEngine {
  setPatience(ticks: number): void {
    this.state.patienceTicks = ticks;
  }
}

/** See the module. */
export class Member {
  readonly config: RaftConfig;
  readonly storage: HistoryStorage;
  appendWork: StorageAppend[] = [];
  applyWork: StorageApply[] = [];
  engine: TranscriptEngine;

  /** `bootstrap` is what the member starts with; index 0 means an empty log. */
  constructor(config: RaftConfig, bootstrap: Snapshot) {
    this.config = config;
    this.storage = new HistoryStorage(bootstrap);
    if (bootstrap.meta.index > 0) this.storage.applySnapshot(bootstrap);
    this.engine = new TranscriptEngine(config, this.storage);
  }

  get id(): number {
    return this.config.id;
  }

  /** Loses what was in memory and comes back with its storage and its state machine. */
  restart(): void {
    const { index, confState } = this.storage.newest.meta;
    this.appendWork = [];
    this.applyWork = [];
    this.storage.setConfState(confState);
    this.engine = new TranscriptEngine({ ...this.config, appliedIndex: index }, this.storage);
  }

  /** Takes a `Ready` and does what it says. Returns it, and what goes over the network. */
  processReady(): { ready: Ready; sent: Message[] } {
    const ready = this.engine.ready();
    const sent: Message[] = [];
    for (const m of [...ready.messages, ...ready.responses]) {
      if (m.kind === "storage-append") this.appendWork.push(m);
      else if (m.kind === "storage-apply") this.applyWork.push(m);
      else sent.push(m);
    }
    if (!this.config.asyncStorageWrites) {
      this.#write(ready.hardState, ready.entries, ready.snapshot);
      this.#apply(ready.committedEntries);
      this.engine.advance();
    }
    return { ready, sent };
  }

  /** Does the oldest write. */
  processAppend(): StorageAppend | undefined {
    const work = this.appendWork.shift();
    if (work !== undefined) this.#write(work.hardState, work.entries, work.snapshot);
    return work;
  }

  /** Does the oldest application. */
  processApply(): StorageApply | undefined {
    const work = this.applyWork.shift();
    if (work !== undefined) this.#apply(work.entries);
    return work;
  }

  #write(hardState: HardState | undefined, entries: readonly Entry[], snapshot: Snapshot | undefined): void {
    if (hardState !== undefined) this.storage.setHardState(hardState);
    if (snapshot !== undefined) {
      assert.equal(entries.length, 0, "a snapshot comes without entries");
      this.storage.applySnapshot(snapshot);
      this.storage.history.push(snapshot);
    }
    this.storage.append(entries);
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const before = this.storage.newest;
      let { confState } = before.meta;
      let update = entry.data;
      if (entry.type !== "normal") {
        confState = this.engine.applyConfChange(entry);
        update = confChangeOf(entry)?.context ?? new Uint8Array(0);
      }
      const data = new Uint8Array([...before.data, ...update]);
      this.storage.history.push({ meta: { index: entry.index, term: entry.term, confState }, data });
    }
  }
}
