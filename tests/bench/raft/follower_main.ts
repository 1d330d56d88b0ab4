/**
 * One follower for its benchmark: `deno run -A follower_main.ts DIRECTORY PORT`, the port of the leader.
 *
 * The product's links, log store, state machine, engine and loop, put together as `core/node/node_life.ts` does, without
 * services. Says `port N` when it listens, `state INDEX HASH` at SIGUSR1, and stops at SIGTERM.
 *
 * @module
 */
import { systemClock } from "../../../core/io/clock.ts";
import { openCryptoSuite } from "../../../core/io/crypto_suite.ts";
import { openDisk } from "../../../core/io/disk_deno.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { openFileLogStore } from "../../../core/io/wal_log_store.ts";
import { RaftLoop } from "../../../core/node/raft_loop.ts";
import { RaftTicker } from "../../../core/node/raft_ticker.ts";
import { NODE_RAFT, RAFT_TICK_MS } from "../../../core/node/raft_times.ts";
import { RaftEngine } from "../../../core/raft/engine.ts";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { BENCH_LOG, CONF_STATE, FOLLOWER, LEADER, meet, openEnd, TERM } from "./follower_parts.ts";

async function main(directory: string, leaderPort: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const log = BENCH_LOG;
  const owner = "the benchmark";
  const store = stack.use(
    await openFileLogStore(directory, openDisk(), { identity: owner, owner, log, onSync: () => {} }),
  );
  const machine = stack.use(StateMachine.open(await loadSqlEngine()));
  machine.advanceTo(1, TERM);
  const snapshot = { meta: { index: 1, term: TERM, confState: CONF_STATE }, data: machine.snapshot() };
  const hardState = { term: TERM, vote: 0, commit: 1 };
  await store.installSnapshot(snapshot, hardState);
  const storage = new MemoryStorage({ hardState, snapshot, entries: [] });
  const random = systemRandom;
  const engine = new RaftEngine({
    ...NODE_RAFT,
    id: FOLLOWER,
    random,
    appliedIndex: 1,
  }, storage);
  const suite = stack.use(openCryptoSuite());
  const ticker = new RaftTicker({ clock: systemClock, tickMs: RAFT_TICK_MS });
  const { links, port } = await openEnd(suite, FOLLOWER, (message) => loop.receive(message));
  const loop = new RaftLoop({
    engine,
    storage,
    store,
    machine,
    time: ticker,
    send: (message) => links.send(message.to, message),
    random,
    onChange: () => {},
    log,
  });
  stack.use(loop);
  stack.use(ticker);
  stack.use(links);
  meet(links, suite, LEADER, leaderPort);
  ticker.begin(loop);
  const stop = Promise.withResolvers<void>();
  const tell = () => console.log(`state ${machine.appliedIndex} ${machine.stateHash()}`);
  Deno.addSignalListener("SIGTERM", stop.resolve);
  Deno.addSignalListener("SIGUSR1", tell);
  console.log(`port ${port}`);
  await Promise.race([stop.promise, loop.ended]);
  Deno.removeSignalListener("SIGTERM", stop.resolve);
  Deno.removeSignalListener("SIGUSR1", tell);
}

await main(Deno.args[0] ?? "", Number(Deno.args[1]));
