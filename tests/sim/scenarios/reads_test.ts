/** Linearizable reads: what once made others answer with old values. */
import assert from "node:assert/strict";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { playScenario, scenario } from "../lab.ts";
import { sqlFsm } from "../sql_machine.ts";

scenario(
  "reads: a late answer to an old round of heartbeats confirms no new read (etcd 20418)",
  { voters: 3 },
  (lab) => {
    lab.elect(1);
    lab.written(1, 5, 10);
    lab.settle(1, 2, 3);
    // The leader asks, and the answers stay on the way.
    lab.hold((m) => m.kind === "heartbeat-response" && m.to === 1);
    const first = lab.read(1, 5);
    lab.until("two answers are on the way", () => lab.held.length >= 2);
    const late = [...lab.held];
    // The leader sleeps, another one leads and writes.
    lab.member(1).pausedUntilUs = lab.world.nowUs + 10_000_000;
    lab.cut(1, 2);
    lab.cut(1, 3);
    lab.cut(2, 1);
    lab.cut(3, 1);
    const next = lab.leaderAmong(2, 3);
    lab.written(next, 5, 11);
    // It wakes up, is asked again, and hears what was said minutes ago.
    lab.member(1).pausedUntilUs = 0;
    const second = lab.read(1, 5);
    lab.release(late);
    lab.run(20);
    assert.equal(first.result, 10, "the first read was asked before the write");
    assert(!second.isThere || second.error !== undefined, "the second read must not be answered by a deposed leader");
    lab.mend();
    lab.until("the second read ends", () => second.isThere);
    assert.notEqual(second.result, 10);
  },
);

scenario("reads: a restarted member takes no answer to a question of its past", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.written(1, 5, 10);
  lab.settle(1, 2, 3);
  lab.hold((m) => m.kind === "read-index-response" && m.to === 3);
  const before = lab.read(3, 5);
  lab.until("the answer is on the way", () => lab.held.length > 0);
  lab.crash(3, false);
  assert(!before.isThere);
  lab.restart(3);
  lab.until("3 knows its leader", () => lab.process(3).engine.raw.lead === 1);
  lab.settle(3);
  lab.cut(1, 3);
  lab.written(1, 5, 11);
  // The first read of the new process, and the answer to the first one of the old.
  const after = lab.read(3, 5);
  lab.release();
  lab.run(50);
  assert.equal(after.isThere, false, "nobody has answered this question yet");
  lab.mend();
  lab.until("the read ends", () => after.isThere);
  assert.notEqual(after.result, 10);
});

const readsInTheFirstRoundTrip = (lab: Parameters<Parameters<typeof scenario>[2]>[0]) => {
  lab.elect(1);
  lab.written(1, 5, 10);
  lab.settle(1, 2, 3);
  // Committed by the first leader; nobody else knows that it is.
  lab.hold((m) => m.kind === "heartbeat" || (m.kind === "append" && m.entries.length === 0));
  lab.written(1, 5, 11);
  lab.isolate(1);
  lab.crash(1);
  lab.release([]);
  lab.hold((m) => m.kind === "append" && m.to === 3);
  lab.elect(2);
  const read = lab.read(2, 5);
  lab.run(30);
  assert.equal(read.isThere, false, "a new leader does not know yet what is committed");
  lab.release();
  lab.until("the read is answered", () => read.isThere);
  assert.equal(read.result, 11);
};

scenario("reads: a new leader answers after its first commit (etcd 7331)", { voters: 3 }, readsInTheFirstRoundTrip);

Deno.test("reads: a new leader answers after its first commit, over SQL (rqlite 1944)", async () => {
  const fsm = sqlFsm(await loadSqlEngine());
  await playScenario({ voters: 3, fsm }, readsInTheFirstRoundTrip);
});
