/**
 * Journey 2, the write path from a proposal to an applied entry: the one loop that turns the Raft engine's output into disk
 * writes, messages and applied SQL, in the order that `core/raft/ready.ts` demands.
 *
 *  0. what callers brought meanwhile goes into the engine, as one append and one question;
 *  1. snapshot, entries and hard state are written, one sync for all;
 *  2. while the disk works, `messages` go out, and what is committed and was written in an earlier turn is applied as in
 *     step 4;
 *  3. `responses`, which promise what was just written, go out;
 *  4. committed entries are applied in one SQL transaction per run;
 *  5. waiting callers are told, the engine advances, and the loop starts over.
 *
 * Ticks and messages come in between steps; they only change the engine. Any error here means that the disk or
 * the state machine cannot be trusted, and ends the node.
 *
 * @module
 */
import type { RaftApplyResponse } from "../../proto/gen/v1/node_raft_pb.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RaftEngine } from "../raft/engine.ts";
import type { MemoryStorage } from "../raft/memory_storage.ts";
import type { PeerMessage } from "../raft/message.ts";
import type { DropReason } from "../raft/outcome.ts";
import type { Ready } from "../raft/ready.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { ConfState, Entry, LogStore } from "../seams/log_store.ts";
import type { Log } from "../seams/log.ts";
import type { Random } from "../seams/random.ts";
import type { StateMachine } from "../state/apply.ts";
import { coalesce } from "./coalesce.ts";
import type { StateImage } from "./healthy_image.ts";
import { Outbox, type OutboxTime } from "./outbox.ts";
import { Proposals } from "./proposals.ts";
import { Reads } from "./reads.ts";
import { replay, restoreBegin } from "./rebuild.ts";
import { Refusals } from "./refusals.ts";
import { SlowDisk } from "./slow_disk.ts";
import { SNAPSHOT_POLICY, SnapshotKeeper, type SnapshotPolicy, type SnapshotTaken } from "./snapshot_keeper.ts";
import { SnapshotStalls } from "./snapshot_stalls.ts";

/** A follower applies so many entries, 50 µs and 5 for each, in the time that a quick disk takes to sync. */
export const APPLIED_MEANWHILE_MAX = 32;

/** What the loop needs of the state machine. */
export type LoopMachine = Pick<StateMachine, "appliedIndex" | "applyBatch" | "advanceTo" | "snapshot" | "restore">;

/** Ticks that come late, but before anything else; see `raft_ticker.ts`. */
export interface LoopTime extends OutboxTime {
  /** Something is about to go into the engine: gives the ticks that are due. */
  catchUp(): void;
  /** The loop has nothing to do. */
  rest(): void;
}

/** Somebody wants the state to be made again. */
interface RebuildWish extends PromiseWithResolvers<void> {
  readonly image: StateImage | undefined;
}

/** What kind of change there was: of what is applied alone, or of the Raft group as well. */
export type LoopChange = "applied" | "group";

/** The parts the loop drives; it owns none of them. */
export interface RaftLoopParts {
  readonly engine: RaftEngine;
  readonly storage: MemoryStorage;
  readonly store: LogStore;
  readonly machine: LoopMachine;
  /** Other than {@linkcode SNAPSHOT_POLICY} in simulations only. */
  readonly snapshotPolicy?: SnapshotPolicy;
  /** Gives ticks; without it, whoever owns the loop gives every one when it is due. */
  readonly time?: LoopTime;
  readonly send: (message: PeerMessage) => void;
  /** Called with every message from another member that had an effect. */
  readonly heard?: (message: PeerMessage) => void;
  /** False while the state is known to be wrong: then it must not become a snapshot. */
  readonly mayKeepState?: () => boolean;
  readonly random: Random;
  /** Called after entries or a snapshot were applied, or leader, role or membership changed. */
  readonly onChange: (change: LoopChange) => void;
  readonly log: Log;
}

/** What one member has seen since it was started. */
export interface RaftLoopCounts {
  /** Elections that it began, after pre-votes. */
  readonly electionsStarted: number;
  readonly electionsWon: number;
  /** How often another leader became known than the one before. */
  readonly leaderChanges: number;
  /** Snapshots that were begun to be sent to a member. */
  readonly snapshotsSent: number;
  /** Snapshots of a leader that replaced the state here. */
  readonly snapshotsInstalled: number;
}

/** Drives one member. */
export class RaftLoop implements AsyncDisposable {
  readonly #parts: RaftLoopParts;
  readonly #proposals = new Proposals<RaftApplyResponse>();
  readonly #reads: Reads;
  readonly #outbox: Outbox;
  readonly #stalls = new SnapshotStalls();
  #confState: ConfState;
  #wake: () => void = () => {};
  #stopping = false;
  /** Why nobody is served any more. */
  #over: MeshError | undefined;
  readonly #refusals = new Refusals();
  readonly #snapshots: SnapshotKeeper;
  readonly #disk = new SlowDisk();
  readonly #counts = { leaderChanges: 0, snapshotsSent: 0, snapshotsInstalled: 0 };
  /** The leader that was known last. */
  #leaderId = 0;
  /** Who wants the state to be made again. */
  #rebuildWish: RebuildWish | undefined;
  readonly #running: Promise<void>;

  constructor(parts: RaftLoopParts) {
    this.#parts = parts;
    this.#reads = new Reads(parts.random);
    this.#outbox = new Outbox(parts.send, parts.time);
    this.#confState = parts.storage.initialState().confState;
    this.#snapshots = new SnapshotKeeper({
      ...parts,
      policy: parts.snapshotPolicy ?? SNAPSHOT_POLICY,
      oldestSending: () => this.#stalls.oldest(parts.engine),
      onSettled: () => this.#wake(),
    });
    this.#running = this.#run();
    // The owner learns of a failure through `failed`; without this line the rejection would also be "unhandled".
    this.#running.catch(() => {});
  }

  /** Rejects when the loop cannot go on; resolves when it was stopped. */
  get ended(): Promise<void> {
    return this.#running;
  }

  /** Membership as of the applied index. */
  get confState(): ConfState {
    return this.#confState;
  }

  /** Snapshots that this member has written. */
  get snapshotsSavedCount(): number {
    return this.#snapshots.savedCount;
  }

  get counts(): RaftLoopCounts {
    const { startedCount, wonCount } = this.#parts.engine.elections;
    return { ...this.#counts, electionsStarted: startedCount, electionsWon: wonCount };
  }

  /** One unit of Raft time. */
  tick(): void {
    this.#parts.engine.tick();
    this.#proposals.tick();
    this.#reads.tick();
    if (!this.#stalls.isEmpty || this.#parts.engine.isSendingSnapshot) this.#stalls.tick(this.#parts.engine);
    this.#disk.tick();
    this.#wakeIfReady();
  }

  /** How many ticks from now the first one comes that does anything, if nothing else happens before. */
  ticksToAction(): number {
    return this.#proposals.isEmpty && this.#reads.isEmpty ? this.#parts.engine.ticksToAction() : 1;
  }

  /** A message from an authenticated member. */
  receive(message: PeerMessage): void {
    this.#parts.time?.catchUp();
    const drop = this.#parts.engine.step(message);
    if (drop) {
      const level = ALARMING.has(drop) ? "error" : "debug";
      this.#parts.log[level]("raft message dropped", { kind: message.kind, from: message.from, reason: drop });
    } else this.#parts.heard?.(message);
    this.#wakeIfReady();
  }

  /** The transport lost messages to a member. */
  unreachable(raftId: number): void {
    this.#parts.engine.reportUnreachable(raftId);
    // If a snapshot was on its way, it did not arrive; otherwise this changes nothing.
    this.#parts.engine.reportSnapshot(raftId, false);
    this.#wakeIfReady();
  }

  /** Most ticks and many messages change only what the engine counts: a turn for them would find nothing to do. */
  #wakeIfReady(): void {
    if (this.#parts.engine.hasReady()) this.#wake();
    else this.#parts.time?.rest();
  }

  /** A part of the snapshot that is being sent to a member has arrived there. */
  snapshotMoved(raftId: number): void {
    this.#stalls.moved(raftId);
  }

  /**
   * Appends `data` to the log and waits until it is applied here.
   *
   * @throws {MeshError} `not-leader`, `no-leader` or `unavailable`; the outcome is unknown for the last.
   */
  propose(data: Uint8Array): Promise<RaftApplyResponse> {
    if (this.#over) return Promise.reject(this.#over);
    if (this.#proposals.full) return Promise.reject(this.#refusals.of("too-busy"));
    const applied = this.#proposals.add(data);
    this.#wake();
    return applied;
  }

  /** Appends `data`, or passes it on to the leader; nobody is told what became of it. */
  offer(data: Uint8Array): void {
    const { engine, send, time } = this.#parts;
    time?.catchUp();
    const { id, role, leader } = engine.status();
    if (role === "leader") engine.propose(data);
    else if (leader !== 0) {
      send({ kind: "propose", from: id, to: leader, term: 0, entries: [{ type: "normal", data }] });
    }
    this.#wake();
  }

  /** Waits until this replica has applied everything that was committed when it was called (thesis §6.4). */
  linearizable(): Promise<void> {
    if (this.#over) return Promise.reject(this.#over);
    const fresh = this.#reads.open();
    this.#wake();
    return fresh;
  }

  /** Takes a snapshot of what is applied, and resolves when it is on disk. Who asks before it is taken gets the same. */
  takeSnapshot(): Promise<SnapshotTaken> {
    if (this.#stopping) return Promise.reject(new MeshError("unavailable", "The node is stopping"));
    const taken = this.#snapshots.want();
    this.#wake();
    return taken;
  }

  /** What this member thinks. */
  get status(): RaftStatus {
    return this.#parts.engine.status();
  }

  /** Whether this member leads, as of the last thing that it was told; ticks that only count may be missing. Hot. */
  get isLeader(): boolean {
    return this.#parts.engine.isLeader;
  }

  /** Hands the lead to `raftId`; see the engine. */
  transferLeader(raftId: number): void {
    this.withEngine((engine) => engine.transferLeader(raftId));
  }

  /**
   * Drops the state and makes it again from an image and the log behind it, between two turns.
   *
   * @param image The state as of an entry that is applied here; the last snapshot if left out.
   * @throws {MeshError} `unavailable` if there is no snapshot, the log has nothing behind the image, or the node stops.
   * @throws {StateImageError} If the image is damaged; the state is then as it was.
   */
  rebuild(image?: StateImage): Promise<void> {
    if (this.#stopping) return Promise.reject(new MeshError("unavailable", "The node is stopping"));
    this.#rebuildWish ??= { ...Promise.withResolvers(), image };
    this.#wake();
    return this.#rebuildWish.promise;
  }

  /** Runs `change` on the engine and lets the loop look at what came of it. */
  withEngine<Result>(change: (engine: RaftEngine) => Result): Result {
    this.#parts.time?.catchUp();
    const result = change(this.#parts.engine);
    this.#wake();
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#running.catch(() => {});
    await this.#snapshots.settled();
  }

  /** Gives the engine what callers have brought since the last turn: one append for all writes, one round for all reads. */
  #takeCalls(): void {
    if (!this.#proposals.hasQueue && !this.#reads.hasUnasked) return;
    const { engine, time } = this.#parts;
    time?.catchUp();
    if (this.#proposals.hasQueue) this.#outbox.writing();
    for (let batch = this.#proposals.takeBatch(); batch; batch = this.#proposals.takeBatch()) {
      const result = engine.proposeAll(batch.data);
      if (result.kind === "appended" || result.kind === "voided") {
        this.#proposals.appended(batch, result.index, result.term);
      } else this.#proposals.refused(batch, this.#refusals.of(result.kind === "forwarded" ? "not-leader" : result.why));
    }
    const context = this.#reads.ask(engine.term);
    const refused = context && engine.readIndex(context);
    if (refused) this.#reads.abandon(this.#refusals.of(refused === "no-leader" ? "no-leader" : "too-busy"), context);
  }

  async #run(): Promise<void> {
    const { engine } = this.#parts;
    try {
      while (!this.#stopping) {
        this.#snapshots.throwIfFailed();
        if (this.#rebuildWish) this.#rebuild(this.#rebuildWish);
        this.#takeCalls();
        if (engine.hasReady()) await this.#turn(engine.ready());
        else if (this.#snapshots.isWanted) this.#snapshotIfDue();
        else {
          const woken = new Promise<void>((resolve) => this.#wake = resolve);
          this.#parts.time?.rest();
          await woken;
        }
      }
    } finally {
      this.#over = new MeshError("unavailable", "The node is stopping");
      this.#outbox.close();
      this.#proposals.abandon(this.#over);
      this.#reads.abandon(this.#over);
      this.#snapshots.abandon(this.#over);
      this.#rebuildWish?.reject(this.#over);
    }
  }

  async #turn(ready: Ready): Promise<void> {
    const { engine, send } = this.#parts;
    const confState = this.#confState;
    for (const { kind } of ready.messages) if (kind === "snapshot") this.#counts.snapshotsSent++;
    const began = this.#disk.begin();
    const persisted = this.#persist(ready);
    // Behind the log: the disk works while links write.
    this.#outbox.send(ready.messages);
    const meanwhileCount = appliedMeanwhileCount(ready);
    if (meanwhileCount > 0) await this.#applyMeanwhile(ready.committedEntries.slice(0, meanwhileCount), persisted);
    await persisted;
    if (ready.mustSync) this.#wrote(began);
    for (const message of coalesce(ready.responses)) send(message);
    const committed = meanwhileCount > 0 ? ready.committedEntries.slice(meanwhileCount) : ready.committedEntries;
    if (ready.responses.length > 0 && committed.length > 0) await letLinksWrite();
    if (ready.softState) this.#leaderChanged();
    if (ready.snapshot) this.#load(ready.snapshot.data, ready.snapshot.meta.confState);
    this.#apply(committed);
    for (const read of ready.readStates) this.#reads.confirm(read.context, read.index);
    this.#reads.applied(this.#parts.machine.appliedIndex);
    engine.advance();
    this.#snapshotIfDue();
    if (ready.softState || ready.snapshot || this.#confState !== confState) this.#parts.onChange("group");
    else if (ready.committedEntries.length > 0) this.#parts.onChange("applied");
  }

  async #persist({ snapshot, entries, hardState, mustSync }: Ready): Promise<void> {
    const { store, storage } = this.#parts;
    if (snapshot) {
      await store.installSnapshot(snapshot, hardState ?? storage.initialState().hardState);
      storage.applySnapshot(snapshot);
    } else if (entries.length > 0 || hardState) await store.append(hardState, entries, mustSync);
    if (entries.length > 0) storage.append(entries);
    if (hardState) storage.setHardState(hardState);
  }

  /** The disk has what is to be written: nothing has to wait until it says that it is there. */
  async #applyMeanwhile(committed: readonly Entry[], persisted: Promise<void>): Promise<void> {
    await letLogWrite();
    try {
      this.#apply(committed);
    } catch (error) {
      // Whatever the disk says: this ends the loop.
      persisted.catch(() => {});
      throw error;
    }
  }

  /** A write that began at `began` is on stable storage. */
  #wrote(began: number): void {
    const { engine, time, log } = this.#parts;
    time?.catchUp();
    this.#disk.wrote(began);
    if (!this.#disk.isSlow) return;
    const heir = this.#disk.heir(engine.status());
    if (heir === undefined || engine.transferLeader(heir) !== undefined) return;
    log.warn("the disk is slow, another member takes the lead", { to: heir });
  }

  /** Looks at what is known now: `softState` may be older than a read that was opened since. */
  #leaderChanged(): void {
    const { leader, hardState } = this.#parts.engine.status();
    if (leader !== 0 && leader !== this.#leaderId) {
      this.#leaderId = leader;
      this.#counts.leaderChanges++;
    }
    if (leader === 0) this.#reads.abandon(this.#refusals.of("no-leader"));
    else this.#reads.abandonBefore(hardState.term, this.#refusals.of("no-leader"));
  }

  #load(image: Uint8Array, confState: ConfState): void {
    this.#parts.machine.restore(image);
    this.#confState = confState;
    this.#counts.snapshotsInstalled++;
    this.#snapshots.loaded();
  }

  /** Applies runs of normal entries together; a membership change ends a run. */
  #apply(committed: readonly Entry[]): void {
    let run: Entry[] = [];
    for (const entry of committed) {
      if (entry.type === "normal") {
        run.push(entry);
        continue;
      }
      this.#applyRun(run);
      run = [];
      this.#confState = this.#parts.engine.applyConfChange(entry);
      this.#parts.storage.setConfState(this.#confState);
      this.#parts.machine.advanceTo(entry.index, entry.term);
    }
    this.#applyRun(run);
    this.#snapshots.applied(committed);
  }

  #applyRun(run: readonly Entry[]): void {
    if (run.length === 0) return;
    const responses = this.#parts.machine.applyBatch(run);
    run.forEach((entry, position) => {
      const response = responses[position];
      if (response) this.#proposals.settle(entry.index, entry.term, response);
    });
  }

  #snapshotIfDue(): void {
    if (this.#parts.mayKeepState?.() === false) {
      this.#snapshots.abandon(new MeshError("unavailable", "This replica differs from the majority"));
    } else this.#snapshots.takeIfDue(this.#confState);
  }

  /** After the image is in, an error is fatal: the state is then neither the old one nor the new one. */
  #rebuild({ image, resolve, reject }: RebuildWish): void {
    const { machine, storage } = this.#parts;
    this.#rebuildWish = undefined;
    const end = machine.appliedIndex;
    try {
      restoreBegin(machine, storage, image);
    } catch (error) {
      return reject(error);
    }
    replay(machine, storage, end);
    resolve();
  }
}

/** Links write what they were given as soon as a turn lets go: the leader need not wait until entries are applied here, too. */
function letLinksWrite(): Promise<void> {
  return Promise.resolve();
}

/** The log gives the disk what it was given as soon as a turn lets go. */
function letLogWrite(): Promise<void> {
  return Promise.resolve();
}

/**
 * How many of the committed entries are applied while the disk works: those that are on stable storage already, because
 * they are before all that is being written. A follower does so only if it takes no longer than the disk: what it is to
 * acknowledge comes first.
 */
function appliedMeanwhileCount({ snapshot, mustSync, entries, committedEntries, responses }: Ready): number {
  if (!mustSync || snapshot) return 0;
  const firstWritten = entries[0]?.index ?? Infinity;
  let count = 0;
  while (count < committedEntries.length && isSettledBefore(committedEntries[count], firstWritten)) count++;
  return responses.length > 0 && count > APPLIED_MEANWHILE_MAX ? 0 : count;
}

function isSettledBefore(entry: Entry | undefined, firstWritten: number): boolean {
  return entry?.type === "normal" && entry.index < firstWritten;
}

/** Reasons that no healthy mesh has: somebody lost what it acknowledged, or lies. */
const ALARMING: ReadonlySet<DropReason> = new Set(["commit-beyond-log", "conflicts-with-commit", "second-leader"]);
