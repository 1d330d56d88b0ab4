import { strict as assert } from "node:assert";
import { systemRandom } from "../../../core/io/random.ts";
import { APPLIED_MEANWHILE_MAX, type LoopMachine, RaftLoop } from "../../../core/node/raft_loop.ts";
import { RAFT_DEFAULTS } from "../../../core/raft/config.ts";
import { RaftEngine } from "../../../core/raft/engine.ts";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import type { Append } from "../../../core/raft/message.ts";
import type { LogStore, StoredLog } from "../../../core/seams/log_store.ts";
import { entryResponse } from "../../../core/state/codec.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { MemoryLog } from "../../twins/memory_log.ts";

const CONF_STATE = { voters: [1, 2, 3], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
const STORED: StoredLog = {
  hardState: { term: 1, vote: 0, commit: 1 },
  snapshot: { meta: { index: 1, term: 1, confState: CONF_STATE }, data: new Uint8Array() },
  entries: [],
};

/** `count` entries from `index` on, and the commit of all before them. */
function append(index: number, count = 1): Append {
  const entries = Array.from({ length: count }, (_, i) => {
    return { index: index + i, term: 1, type: "normal" as const, data: new Uint8Array(1) };
  });
  return { kind: "append", from: 1, to: 2, term: 1, prevIndex: index - 1, prevTerm: 1, entries, commit: index - 1 };
}

/** A follower that tells what it does, in order. */
class Follower implements AsyncDisposable {
  readonly events: string[] = [];
  readonly loop: RaftLoop;
  /** What the disk waits for before it says that something is written. */
  disk: Promise<void> = Promise.resolve();

  constructor() {
    const { events } = this;
    let appliedIndex = 1;
    const machine: LoopMachine = {
      get appliedIndex() {
        return appliedIndex;
      },
      applyBatch(entries) {
        appliedIndex = entries.at(-1)?.index ?? appliedIndex;
        events.push(`apply ${entries.length} to ${appliedIndex}`);
        return entries.map(() => entryResponse());
      },
      advanceTo: (index) => void (appliedIndex = index),
      snapshot: () => new Uint8Array(),
      restore: () => {},
    };
    const store: LogStore = {
      stored: STORED,
      append: async (_, entries) => {
        events.push(`write to ${entries.at(-1)?.index}`);
        await this.disk;
        events.push(`written`);
      },
      saveSnapshot: () => Promise.resolve(),
      installSnapshot: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const storage = new MemoryStorage(STORED);
    const engine = new RaftEngine(
      { ...RAFT_DEFAULTS, electionTicks: 10, heartbeatTicks: 1, id: 2, random: systemRandom, appliedIndex: 1 },
      storage,
    );
    this.loop = new RaftLoop({
      engine,
      storage,
      store,
      machine,
      // As links do: the turn goes on before anything is written to a socket.
      send: (message) =>
        queueMicrotask(() => events.push(`${message.kind} ${"index" in message ? message.index : ""}`)),
      random: systemRandom,
      onChange: () => {},
      log: new MemoryLog(),
    });
  }

  /** Waits for the `count`-th event, and returns those since the last call. */
  async taken(count: number): Promise<string[]> {
    await eventually(`${count} events`, () => this.events.length >= count, 5000);
    return this.events.splice(0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.loop[Symbol.asyncDispose]();
  }
}

Deno.test("RaftLoop: a follower applies what was committed before while the disk works, and acknowledges when it is done", async () => {
  await using follower = new Follower();
  follower.loop.receive(append(2));
  assert.deepEqual(await follower.taken(3), ["write to 2", "written", "append-ack 2"]);
  const disk = Promise.withResolvers<void>();
  follower.disk = disk.promise;
  follower.loop.receive(append(3));
  assert.deepEqual(await follower.taken(2), ["write to 3", "apply 1 to 2"]);
  disk.resolve();
  assert.deepEqual(await follower.taken(2), ["written", "append-ack 3"]);
});

Deno.test("RaftLoop: a follower never applies what it is still writing, whatever is committed", async () => {
  await using follower = new Follower();
  const disk = Promise.withResolvers<void>();
  follower.disk = disk.promise;
  follower.loop.receive({ ...append(2, 2), commit: 3 });
  assert.deepEqual(await follower.taken(1), ["write to 3"]);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assert.deepEqual(follower.events, []);
  disk.resolve();
  assert.deepEqual(await follower.taken(3), ["written", "append-ack 3", "apply 2 to 3"]);
});

Deno.test("APPLIED_MEANWHILE_MAX: of more a follower applies none before it has acknowledged", async () => {
  await using follower = new Follower();
  const most = APPLIED_MEANWHILE_MAX;
  follower.loop.receive(append(2, most));
  await follower.taken(3);
  let disk = Promise.withResolvers<void>();
  follower.disk = disk.promise;
  follower.loop.receive(append(most + 2, most + 1));
  assert.deepEqual(await follower.taken(2), [`write to ${2 * most + 2}`, `apply ${most} to ${most + 1}`]);
  disk.resolve();
  assert.deepEqual(await follower.taken(2), ["written", `append-ack ${2 * most + 2}`]);
  disk = Promise.withResolvers<void>();
  follower.disk = disk.promise;
  follower.loop.receive(append(2 * most + 3));
  assert.deepEqual(await follower.taken(1), [`write to ${2 * most + 3}`]);
  disk.resolve();
  const rest = ["written", `append-ack ${2 * most + 3}`, `apply ${most + 1} to ${2 * most + 2}`];
  assert.deepEqual(await follower.taken(3), rest);
});
