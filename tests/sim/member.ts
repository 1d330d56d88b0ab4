/**
 * One member: a disk that lasts, and processes that come and go on it. A process is what `core/node/node_life.ts` makes of
 * a Raft member: the log store, the state machine, the engine and the loop, all of them the product's.
 *
 * @module
 */
import { openFileLogStore } from "../../core/io/wal_log_store.ts";
import { RaftLoop } from "../../core/node/raft_loop.ts";
import { RaftTicker } from "../../core/node/raft_ticker.ts";
import { MemoryStorage } from "../../core/raft/memory_storage.ts";
import type { PeerMessage } from "../../core/raft/message.ts";
import { CorruptLogError, type LogStore, LogStoreFailedError, type StoredLog } from "../../core/seams/log_store.ts";
import type { Log, LogFields } from "../../core/seams/log.ts";
import type { ConfState, Snapshot } from "../../core/seams/log_store.ts";
import { Chance } from "./chance.ts";
import { type DiskHost, InjectedError, SimDisk } from "./disk.ts";
import { type EngineWatcher, SimEngine } from "./engine.ts";
import type { Fingerprint, Fsm, MachineListener, SimMachine } from "./machine.ts";
import { MemberClock, type MemberClockHost } from "./member_clock.ts";
import { type Observed, type Oracle, Seen } from "./oracle.ts";
import type { Plan, SharedRaftConfig } from "./plan.ts";
import { Shadow } from "./shadow.ts";
import { WatchedStore } from "./store.ts";

/** Where the log of a member lies on its disk. */
export const LOG_PATH = "/raft";

/** Keeps wall clocks positive in the first seconds of a run. */
const WALL_EPOCH_MS = 100_000;

/** How parts are made; mutants make them otherwise. */
export interface Makers {
  readonly engine: typeof SimEngine;
  readonly loop: typeof RaftLoop;
  /** Around the product's store, and below the witness. */
  readonly store: (store: LogStore, disk: SimDisk) => LogStore;
  readonly machine: (machine: SimMachine) => SimMachine;
  /** Changes the disk before its first use. */
  readonly disk: (disk: SimDisk) => void;
  readonly raft: Partial<SharedRaftConfig>;
}

/** The product. */
export const PRODUCT: Makers = {
  engine: SimEngine,
  loop: RaftLoop,
  store: (store) => store,
  machine: (machine) => machine,
  disk: () => {},
  raft: {},
};

/** What a member needs of its world. */
export interface MemberHost {
  /** Virtual time in microseconds. */
  readonly nowUs: number;
  readonly plan: Plan;
  readonly fsm: Fsm;
  readonly oracle: Oracle;
  readonly makers: Makers;
  /** Calls back in the name of the member's present process. */
  after(delayUs: number, member: Member, what: string, detail: unknown, fire: () => void): void;
  send(message: PeerMessage): void;
  /** Something was applied, or leader or role changed. */
  changed(member: Member): void;
  /** The member's process ended by itself. */
  ended(member: Member, why: string): void;
}

/** How a member is. */
export type MemberState =
  /** Nothing runs. */
  | "down"
  /** The log is being opened. */
  | "starting"
  | "up"
  /** A clean stop is under way. */
  | "stopping"
  /** Its disk is damaged or gone: it never comes back under this id. */
  | "ruined";

/** A running process. */
export interface Process {
  readonly engine: SimEngine;
  readonly loop: RaftLoop;
  readonly store: LogStore;
  readonly storage: MemoryStorage;
  readonly machine: SimMachine;
}

/** See the module. */
export class Member implements Observed, DiskHost, MemberClockHost, EngineWatcher, MachineListener {
  readonly id: number;
  readonly disk: SimDisk;
  readonly shadow = new Shadow();
  seen = new Seen();
  state: MemberState = "down";
  process: Process | undefined;
  /** Counts processes: what an earlier one waits for never comes. */
  epoch = 0;
  pausedUntilUs = 0;
  /** Of the member's clock against true time. */
  rate = 1;
  wallOffsetUs = 0;
  /** Somebody damaged the disk: the member may refuse to start. */
  isRotten = false;
  readonly #host: MemberHost;
  readonly #chance: Chance;
  readonly #founding: Snapshot | undefined;
  readonly #log: Log;

  /** @param founding What the log of a founder begins with; `undefined` for one that joins. */
  constructor(id: number, host: MemberHost, seed: number, founding: Snapshot | undefined) {
    this.id = id;
    this.#host = host;
    this.#chance = Chance.stream(seed, `member ${id}`);
    this.disk = new SimDisk(this, host.plan.disk, Chance.stream(seed, `disk ${id}`));
    host.makers.disk(this.disk);
    this.#founding = founding;
    this.#log = new AlarmLog((text) => host.oracle.violate(7, `member ${id} logs an error: ${text}`));
    host.oracle.add(this);
  }

  /** The engine of the running process. */
  get engine(): SimEngine | undefined {
    return this.process?.engine;
  }

  /** See {@linkcode MemberClockHost}. */
  get nowUs(): number {
    return this.#host.nowUs;
  }

  /** See {@linkcode MemberClockHost}. */
  get wallMs(): number {
    return WALL_EPOCH_MS + Math.floor((this.#host.nowUs + this.wallOffsetUs) / 1000);
  }

  /** Starts a process. */
  start(): void {
    if (this.state !== "down") return;
    this.state = "starting";
    this.pausedUntilUs = 0;
    this.#boot().catch((error: unknown) => this.#failed(error));
  }

  /** Whether it works, or will once it is started. */
  get isUsable(): boolean {
    return this.state !== "ruined" && (this.state === "up" || !this.isRotten);
  }

  /** Ends the process; with `power` also the system under it, which may leave garbage. */
  crash(power: boolean, garbage = 0): void {
    this.epoch++;
    this.process?.machine[Symbol.dispose]();
    this.process = undefined;
    if (this.state !== "ruined") this.state = "down";
    if (power) this.disk.powerLoss(garbage);
    else this.disk.kill();
  }

  /** Ends the process as an operator does. */
  stop(): void {
    const { process } = this;
    if (this.state !== "up" || process === undefined) return;
    this.state = "stopping";
    this.#stop(process).catch((error: unknown) => this.#failed(error));
  }

  /** The disk is gone, and with it this member. */
  ruin(): void {
    this.crash(false);
    this.state = "ruined";
  }

  /** A packet arrives. */
  receive(message: PeerMessage): void {
    this.process?.loop.receive(message);
  }

  /** Something that was sent to `id` was lost. */
  unreachable(id: number): void {
    this.process?.loop.unreachable(id);
  }

  /** See {@linkcode DiskHost}. */
  after(delayUs: number, what: string, fire: () => void): void {
    this.#host.after(delayUs, this, what, undefined, fire);
  }

  /** See {@linkcode DiskHost}. */
  crashNow(): void {
    const delayUs = this.#chance.below(this.#host.plan.disk.callUs + 1);
    this.#host.after(delayUs, this, "crash in a disk call", undefined, () => {
      this.crash(this.#chance.oneIn(2));
      this.#host.ended(this, "crash in a disk call");
    });
  }

  /** See {@linkcode EngineWatcher}. */
  readying(engine: SimEngine): void {
    this.#host.oracle.commits(this, engine);
  }

  /** See {@linkcode EngineWatcher}. */
  changed(index: number, before: ConfState, after: ConfState): void {
    this.#host.oracle.changed(this, index, before, after);
  }

  /** See {@linkcode MachineListener}. */
  applied(index: number, term: number, state: Fingerprint): void {
    this.#host.oracle.applied(this, index, term, state);
  }

  /** See {@linkcode MachineListener}. */
  restored(index: number, state: Fingerprint): void {
    this.#host.oracle.restored(this, index, state);
  }

  async #boot(): Promise<void> {
    const { plan, fsm, oracle, makers } = this.#host;
    const inner = await openFileLogStore(LOG_PATH, this.disk, {
      identity: `sim/${this.id}`,
      owner: `member ${this.id}`,
      log: this.#log,
      segmentBytes: plan.segmentBytes,
    });
    const { stored } = inner;
    const problem = this.shadow.recover(stored, (index) => oracle.chainAt(index));
    if (problem !== undefined) oracle.violate(6, `member ${this.id} starts with ${problem}`);
    this.seen = new Seen();
    const store = new WatchedStore(makers.store(inner, this.disk), this, oracle, this.disk);
    const begin = stored.snapshot === undefined && this.#founding ? await this.#found(store, this.#founding) : stored;
    const machine = makers.machine(fsm.open(begin.snapshot?.data, this));
    this.seen.applied = machine.appliedIndex;
    const storage = new MemoryStorage(begin);
    const config = {
      ...plan.raft,
      ...makers.raft,
      id: this.id,
      random: this.#chance,
      appliedIndex: machine.appliedIndex,
    };
    const engine = new makers.engine(config, storage, this);
    const clock = new MemberClock(this);
    const tickMs = plan.tickUs / 1000;
    const ticker = plan.hasTicker
      ? new RaftTicker({ clock, tickMs, makeAlarm: (onDue) => clock.alarm(onDue) })
      : undefined;
    const loop = new makers.loop({
      ...(ticker ? { time: ticker } : {}),
      engine,
      storage,
      store,
      machine,
      snapshotPolicy: plan.snapshots,
      send: (message) => this.#send(message),
      random: this.#chance,
      onChange: () => this.#host.changed(this),
      log: this.#log,
    });
    loop.ended.catch((error: unknown) => this.#failed(error));
    this.process = { engine, loop, store, storage, machine };
    this.state = "up";
    // Whatever was damaged has been read by now.
    this.isRotten = false;
    if (ticker) ticker.begin(loop);
    else this.#armTick(this.#chance.below(plan.tickUs));
  }

  async #found(store: LogStore, founding: Snapshot): Promise<StoredLog> {
    const { index, term } = founding.meta;
    const hardState = { term, vote: 0, commit: index };
    await store.installSnapshot(founding, hardState);
    return { hardState, snapshot: founding, entries: [] };
  }

  async #stop({ loop, store }: Process): Promise<void> {
    await loop[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    this.crash(false);
    this.#host.ended(this, "stopped");
  }

  #armTick(delayUs: number): void {
    this.#host.after(delayUs, this, "tick", undefined, () => {
      this.#armTick(Math.round(this.#host.plan.tickUs * this.rate));
      this.process?.loop.tick();
    });
  }

  #send(message: PeerMessage): void {
    this.#host.oracle.sends(this, message);
    this.#host.send(message);
  }

  /** A process that cannot go on ends. Only what the simulation did to its disk is an excuse. */
  #failed(error: unknown): void {
    const cause = error instanceof LogStoreFailedError ? error.cause : error;
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (error instanceof CorruptLogError && this.isRotten) return this.#ruined(text);
    if (!(cause instanceof InjectedError)) {
      const stack = error instanceof Error ? error.stack : undefined;
      this.#host.oracle.violate(6, `member ${this.id} ends: ${stack ?? text}`);
    }
    this.crash(this.#chance.oneIn(4));
    this.#host.ended(this, text);
  }

  #ruined(why: string): void {
    this.ruin();
    this.#host.ended(this, why);
  }
}

/** A log in which errors are violations: no healthy group has any. */
class AlarmLog implements Log {
  readonly #onError: (text: string) => void;

  constructor(onError: (text: string) => void) {
    this.#onError = onError;
  }

  debug(): void {}

  info(): void {}

  warn(): void {}

  error(message: string, fields?: LogFields): void {
    this.#onError(`${message} ${JSON.stringify(fields ?? {})}`);
  }

  child(): Log {
    return this;
  }
}
