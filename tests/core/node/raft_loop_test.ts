import { strict as assert } from "node:assert";
import { systemRandom } from "../../../core/io/random.ts";
import { type LoopMachine, RaftLoop } from "../../../core/node/raft_loop.ts";
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

/** One entry at `index`, and the commit of all before it. */
function append(index: number): Append {
  const entries = [{ index, term: 1, type: "normal" as const, data: new Uint8Array(1) }];
  return { kind: "append", from: 1, to: 2, term: 1, prevIndex: index - 1, prevTerm: 1, entries, commit: index - 1 };
}

Deno.test("RaftLoop: a follower acknowledges what it wrote before it applies what was committed", async () => {
  const events: string[] = [];
  let appliedIndex = 1;
  const machine: LoopMachine = {
    get appliedIndex() {
      return appliedIndex;
    },
    applyBatch(entries) {
      for (const { index } of entries) events.push(`apply ${appliedIndex = index}`);
      return entries.map(() => entryResponse());
    },
    advanceTo: (index) => void (appliedIndex = index),
    snapshot: () => new Uint8Array(),
    restore: () => {},
  };
  const store: LogStore = {
    stored: STORED,
    append: (_, entries) => {
      for (const { index } of entries) events.push(`write ${index}`);
      return Promise.resolve();
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
  await using loop = new RaftLoop({
    engine,
    storage,
    store,
    machine,
    // As links do: the turn goes on before anything is written to a socket.
    send: (message) => queueMicrotask(() => events.push(`${message.kind} ${"index" in message ? message.index : ""}`)),
    random: systemRandom,
    onChange: () => {},
    log: new MemoryLog(),
  });
  loop.receive(append(2));
  await eventually("the first is acknowledged", () => events.includes("append-ack 2"), 5000);
  loop.receive(append(3));
  await eventually("the second is acknowledged, the first applied", () => events.length === 5, 5000);
  assert.deepEqual(events, ["write 2", "append-ack 2", "write 3", "append-ack 3", "apply 2"]);
});
