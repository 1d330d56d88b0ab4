/**
 * One member that is a whole mesh, on the real disk: the product's log store, state machine, engine, loop and ticker, put
 * together as `core/node/node_life.ts` does, without network and services.
 *
 * @module
 */
import { systemClock } from "../../core/io/clock.ts";
import { openDisk } from "../../core/io/disk_deno.ts";
import { systemRandom } from "../../core/io/random.ts";
import { loadSqlEngine } from "../../core/io/sqljs.ts";
import { openFileLogStore, SEGMENT_BYTES } from "../../core/io/wal_log_store.ts";
import { Changes } from "../../core/node/changes.ts";
import { RaftLoop } from "../../core/node/raft_loop.ts";
import { RaftTicker } from "../../core/node/raft_ticker.ts";
import { NODE_RAFT, RAFT_TICK_MS } from "../../core/node/raft_times.ts";
import type { SnapshotPolicy } from "../../core/node/snapshot_keeper.ts";
import { RaftEngine } from "../../core/raft/engine.ts";
import { MemoryStorage } from "../../core/raft/memory_storage.ts";
import type { Disk } from "../../core/seams/disk.ts";
import type { LogStore, StoredLog } from "../../core/seams/log_store.ts";
import type { Log } from "../../core/seams/log.ts";
import { StateMachine } from "../../core/state/apply.ts";
import { MemoryLog } from "../twins/memory_log.ts";

/** Whose log it is. */
export const IDENTITY = "durability/alone";

const ID = 1;
/** Its membership. */
export const CONF_STATE = { voters: [ID], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

/** How the member differs from the product's. */
export interface LoneMemberOptions {
  readonly snapshotPolicy?: SnapshotPolicy;
  readonly segmentBytes?: number;
  readonly disk?: Disk;
  readonly log?: Log;
}

/** What the way back took. */
export interface Recovery {
  /** Entries behind the snapshot that was loaded. */
  readonly entriesCount: number;
  /** Reading and checking the log and the snapshot, … */
  readonly openMs: number;
  /** … loading the snapshot into the database, … */
  readonly loadMs: number;
  /** … and until the member led again, with all entries applied. */
  readonly replayMs: number;
}

/** A member that leads; disposing stops it as an operator does. */
export interface LoneMember extends AsyncDisposable {
  readonly loop: RaftLoop;
  readonly machine: StateMachine;
  readonly recovery: Recovery;
}

/** Opens the log in `directory`, or starts one there, and resolves once the member leads. */
export async function openLoneMember(directory: string, options: LoneMemberOptions = {}): Promise<LoneMember> {
  const { log = new MemoryLog(), segmentBytes = SEGMENT_BYTES, disk = openDisk(), snapshotPolicy } = options;
  await using stack = new AsyncDisposableStack();
  const sql = await loadSqlEngine();
  const startMs = performance.now();
  const store = stack.use(
    await openFileLogStore(directory, disk, { identity: IDENTITY, owner: "a lone member", log, segmentBytes }),
  );
  const openedMs = performance.now();
  const machine = stack.use(StateMachine.open(sql, store.stored.snapshot?.data));
  const loadedMs = performance.now();
  const stored = store.stored.snapshot ? store.stored : await found(store, machine);
  const storage = new MemoryStorage(stored);
  const lastIndex = storage.lastIndex();
  const random = systemRandom;
  const engine = new RaftEngine({
    ...NODE_RAFT,
    id: ID,
    random,
    appliedIndex: machine.appliedIndex,
  }, storage);
  const changes = new Changes();
  const ticker = new RaftTicker({ clock: systemClock, tickMs: RAFT_TICK_MS });
  const loop = new RaftLoop({
    engine,
    storage,
    store,
    machine,
    ...(snapshotPolicy ? { snapshotPolicy } : {}),
    time: ticker,
    send: () => {},
    random,
    onChange: () => changes.notify(),
    log,
  });
  stack.use(loop);
  stack.use(ticker);
  ticker.begin(loop);
  loop.withEngine((alone) => alone.campaign());
  const stop = new AbortController();
  const isReady = () => engine.status().role === "leader" && machine.appliedIndex > lastIndex;
  await Promise.race([changes.until(isReady, stop.signal), loop.ended]);
  const readyMs = performance.now();
  const owned = stack.move();
  return {
    loop,
    machine,
    recovery: {
      entriesCount: stored.entries.length,
      openMs: openedMs - startMs,
      loadMs: loadedMs - openedMs,
      replayMs: readyMs - loadedMs,
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The log of a new mesh begins with a snapshot of nothing. */
async function found(store: LogStore, machine: StateMachine): Promise<StoredLog> {
  machine.advanceTo(1, 1);
  const snapshot = { meta: { index: 1, term: 1, confState: CONF_STATE }, data: machine.snapshot() };
  const hardState = { term: 1, vote: 0, commit: 1 };
  await store.installSnapshot(snapshot, hardState);
  return { hardState, snapshot, entries: [] };
}
