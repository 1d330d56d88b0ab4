/**
 * One member under simulation: an engine, its disk, its state machine, and the work that a `Ready` is split into, so that
 * anything may happen in between.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { RaftConfig } from "../../../../core/raft/config.ts";
import { RaftEngine } from "../../../../core/raft/engine.ts";
import { MemoryStorage } from "../../../../core/raft/memory_storage.ts";
import type { Message, StorageAppend, StorageApply } from "../../../../core/raft/message.ts";
import { jointVote } from "../../../../core/raft/quorum.ts";
import type { Ready } from "../../../../core/raft/ready.ts";
import type { ConfState, Entry, HardState, Snapshot } from "../../../../core/seams/log_store.ts";
import type { Chance } from "./chance.ts";
import type { Checker } from "./checker.ts";
import { Disk } from "./disk.ts";

/** What a member needs of its world. */
export interface World {
  readonly chance: Chance;
  readonly checker: Checker;
  send(message: Message): void;
}

class SimEngine extends RaftEngine {
  termAt(index: number): number | undefined {
    return this.state.log.term(index);
  }

  get commit(): number {
    return this.state.log.committed;
  }

  get leads(): boolean {
    return this.state.role.kind === "leader";
  }

  get membership(): ConfState {
    return this.state.membership;
  }
}

/** Alive, or crashed with its disk. */
export class SimMember {
  readonly #world: World;
  readonly #config: RaftConfig;
  readonly disk: Disk;
  engine: SimEngine;
  alive = true;
  #mirror: MemoryStorage;
  /** Steps of the last `Ready` that are still to be done, in order. */
  #steps: (() => void)[] = [];
  #appends: StorageAppend[] = [];
  #applies: StorageApply[] = [];
  #applied: { index: number; confState: ConfState };
  #commit = 0;
  /** For each read its context: what had been committed when it was asked. */
  #reads = new Map<number, number>();

  constructor(world: World, config: RaftConfig, first?: Snapshot) {
    this.#world = world;
    this.#config = config;
    this.disk = new Disk(config.id, world.checker, first);
    [this.#mirror, this.engine, this.#applied] = this.#start();
  }

  get id(): number {
    return this.#config.id;
  }

  get appliedIndex(): number {
    return this.#applied.index;
  }

  /** Loses everything that is not on disk. */
  crash(): void {
    this.alive = false;
    this.#steps = [];
    this.#appends = [];
    this.#applies = [];
    this.#reads.clear();
    this.disk.crash(this.#world.chance.oneIn(2));
  }

  restart(): void {
    [this.#mirror, this.engine, this.#applied] = this.#start();
    this.#commit = 0;
    this.alive = true;
  }

  /** Does some of the work there is, and may stop anywhere in it; checks after each piece. */
  work(others: ReadonlyMap<number, SimMember>): void {
    do {
      this.#workOnce();
      this.check(others);
    } while (!this.#world.chance.oneIn(6));
  }

  #workOnce(): void {
    const { chance } = this.#world;
    const step = this.#steps.shift();
    if (step !== undefined) return step();
    if (this.#appends.length > 0 && chance.oneIn(2)) return this.#doAppend();
    if (this.#applies.length > 0 && chance.oneIn(2)) return this.#doApply();
    if (this.engine.hasReady()) this.#take(this.engine.ready());
  }

  /** Takes a snapshot of the state machine and lets go of the log before it, or of a little less. */
  compact(): void {
    const { index, confState } = this.#applied;
    if (index <= (this.disk.stored.snapshot?.meta.index ?? 0) || index <= this.#mirror.firstIndex()) return;
    if (this.#mirror.term(index) === undefined) return;
    const snapshot = this.#mirror.createSnapshot(index, confState, new Uint8Array([index]));
    this.disk.compact(snapshot);
    this.#mirror.compact(index - this.#world.chance.below(3));
  }

  /** Asks for a read and remembers what it must at least see. */
  read(token: number): void {
    if (this.engine.readIndex(new Uint8Array([token])) === undefined) {
      this.#reads.set(token, this.#world.checker.maxCommitted);
    }
  }

  /** Holds the member to what must be true now. */
  check(others: ReadonlyMap<number, SimMember>): void {
    const { engine } = this;
    const { checker } = this.#world;
    engine.checkInvariants();
    const { commit } = engine;
    assert(commit >= this.#commit, "the commit index goes forward");
    if (engine.leads) {
      checker.leads(this.id, engine.term, (index) => engine.termAt(index));
      if (commit > this.#commit) this.#checkCommit(commit, engine.term, others);
    }
    this.#commit = commit;
    checker.maxCommitted = Math.max(checker.maxCommitted, commit);
  }

  /** What a leader commits is durable at a quorum at that moment; of earlier terms it may just have learned. */
  #checkCommit(commit: number, term: number, others: ReadonlyMap<number, SimMember>): void {
    if (this.engine.termAt(commit) !== term) return;
    const holds = (id: number) => others.get(id)?.disk.holds(commit, term) ?? false;
    assert.equal(jointVote(this.engine.membership, holds), "won", `${term}/${commit} is durable at a quorum`);
  }

  #start(): [MemoryStorage, SimEngine, { index: number; confState: ConfState }] {
    const mirror = new MemoryStorage(this.disk.stored);
    const { snapshot } = this.disk.stored;
    const applied = { index: snapshot?.meta.index ?? 0, confState: mirror.initialState().confState };
    return [mirror, new SimEngine(this.#config, mirror), applied];
  }

  #take(ready: Ready): void {
    for (const { index, context } of ready.readStates) this.#answer(index, context[0] ?? 0);
    if (this.#config.asyncStorageWrites) return this.#route(ready.messages);
    // Messages may go before, between or after the write; this is where they differ most from responses.
    const send = () => ready.messages.forEach((m) => this.#world.send(m));
    const write = () => this.#write(ready.hardState, ready.entries, ready.snapshot, ready.mustSync);
    const [first, second] = this.#world.chance.oneIn(2) ? [send, write] : [write, send];
    this.#steps = [
      first,
      second,
      () => ready.responses.forEach((m) => this.#world.send(m)),
      () => this.#load(ready.snapshot),
      () => this.#apply(ready.committedEntries),
      () => this.engine.advance(),
    ];
  }

  #route(messages: readonly Message[]): void {
    for (const m of messages) {
      if (m.kind === "storage-append") this.#appends.push(m);
      else if (m.kind === "storage-apply") this.#applies.push(m);
      else this.#world.send(m);
    }
  }

  #doAppend(): void {
    const work = this.#appends.shift();
    if (work === undefined) return;
    this.#write(work.hardState, work.entries, work.snapshot, true);
    this.#load(work.snapshot);
    this.#respond(work.responses);
  }

  #doApply(): void {
    const work = this.#applies.shift();
    if (work === undefined) return;
    this.#apply(work.entries);
    this.#respond(work.responses);
  }

  #respond(responses: readonly Message[]): void {
    for (const m of responses) {
      if (m.to === this.id) this.engine.step(m);
      else this.#world.send(m);
    }
  }

  #write(hard: HardState | undefined, entries: readonly Entry[], snapshot: Snapshot | undefined, sync: boolean): void {
    this.disk.write(hard, entries, snapshot, sync || snapshot !== undefined);
    if (hard !== undefined) this.#mirror.setHardState(hard);
    if (snapshot !== undefined) this.#mirror.applySnapshot(snapshot);
    this.#mirror.append(entries);
  }

  #load(snapshot: Snapshot | undefined): void {
    if (snapshot !== undefined) this.#applied = { index: snapshot.meta.index, confState: snapshot.meta.confState };
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      // A snapshot may have been loaded while these waited.
      if (entry.index <= this.#applied.index) continue;
      assert.equal(entry.index, this.#applied.index + 1, "entries are applied without a gap");
      let { confState } = this.#applied;
      if (entry.type !== "normal") confState = this.engine.applyConfChange(entry);
      this.#applied = { index: entry.index, confState };
      this.#world.checker.applied(entry, confState);
    }
  }

  #answer(index: number, token: number): void {
    const needed = this.#reads.get(token);
    if (needed !== undefined) assert(index >= needed, `a linearizable read sees ${needed}, was told ${index}`);
    this.#reads.delete(token);
  }
}
