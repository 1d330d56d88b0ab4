/** Power losses at the worst moments. */
import assert from "node:assert/strict";
import { openFileLogStore } from "../../../core/io/wal_log_store.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { type LabOptions, playScenario, scenario } from "../lab.ts";
import { LOG_PATH } from "../member.ts";
import { calmPlan } from "../plan.ts";

const SLOW_SYNC = { disk: { ...calmPlan(1).disk, callUs: 20_000 } };
const TINY: LabOptions = {
  voters: 3,
  plan: { snapshots: { entryCount: 5, logBytes: 1 << 20, trailingEntryCount: 2 }, segmentBytes: 2048 },
};

scenario(
  "crash: a group of one answers when the entry is durable (etcd 14370)",
  { voters: 1, plan: SLOW_SYNC },
  (lab) => {
    lab.until("it leads", () => lab.leads(1));
    lab.written(1, 1, 1);
    const answer = lab.write(1, 1, 2);
    lab.run(30);
    assert.equal(answer.isThere, false, "the sync has not ended");
    lab.crash(1);
    lab.restart(1);
    lab.until("it leads", () => lab.leads(1) && lab.hasCommittedInTerm(1));
    assert.notEqual(lab.process(1).machine.lookup(1), 0, "what was answered is there");
  },
);

scenario("crash: all lose their caches at once, and nothing that was answered (etcd 14143)", { voters: 3 }, (lab) => {
  lab.elect(1);
  for (let round = 0; round < 5; round++) {
    const leader = lab.leaderAmong(1, 2, 3);
    const answers = Array.from(
      { length: 20 },
      (_, key) => ({ key, answer: lab.write(leader, key, 1000 * round + key + 1) }),
    );
    lab.until("half of it is answered", () => answers.filter(({ answer }) => answer.isThere).length >= 10);
    for (const id of [1, 2, 3]) lab.crash(id);
    for (const id of [1, 2, 3]) lab.restart(id);
    const next = lab.leaderAmong(1, 2, 3);
    lab.settle(next);
    for (const { key, answer } of answers) {
      if (answer.isThere) assert(lab.process(next).machine.lookup(key) >= 1000 * round, `key ${key}`);
    }
  }
});

Deno.test("crash: unsynced sectors in any order keep no member from starting (etcd 6378)", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    await playScenario({ ...TINY, seed }, (lab) => {
      lab.elect(1);
      for (let i = 0; i < 4; i++) lab.written(1, i, 1);
      for (let i = 0; i < 40; i++) lab.write(1, i, 2);
      for (let i = 0; i < seed * 3; i++) lab.world.step();
      for (const id of [1, 2, 3]) lab.crash(id);
      for (const id of [1, 2, 3]) lab.restart(id);
      lab.expectWork(1, 2, 3);
    });
  }
});

Deno.test("crash: at each disk call of segment changes, snapshots and compaction (dqlite 575, etcd 14685)", async () => {
  let hits = 0;
  for (let call = 1; call <= 60; call++) {
    await playScenario({ ...TINY, seed: call }, (lab) => {
      lab.elect(1);
      lab.written(1, 1, 1);
      lab.settle(1, 2, 3);
      lab.member(2).disk.crashAtCall(call);
      for (let i = 0; i < 12; i++) lab.written(1, i, 10 + i);
      if (lab.member(2).state === "up") return;
      hits++;
      lab.restart(2);
      lab.expectWork(1, 2, 3);
    });
  }
  assert(hits > 40, `${hits} crashes`);
});

Deno.test("crash: and at each disk call of the start that follows", async () => {
  for (let call = 1; call <= 30; call++) {
    await playScenario({ ...TINY, seed: call }, (lab) => {
      lab.elect(1);
      for (let i = 0; i < 12; i++) lab.written(1, i, 10 + i);
      lab.settle(1, 2, 3);
      lab.crash(2);
      lab.member(2).disk.crashAtCall(call);
      lab.member(2).start();
      lab.run(50);
      if (lab.member(2).state === "down") lab.restart(2);
      lab.expectWork(1, 2, 3);
    });
  }
});

scenario("crash: a leader that hangs in a sync is replaced, and grants nothing when it wakes (etcd 15247)", {
  voters: 3,
  plan: { disk: { ...calmPlan(1).disk, callUs: 10 } },
}, (lab) => {
  const lease = (id: number, holder: number, nowMs: number) => {
    const operation = { kind: "lease", key: 9, holder, nowMs, ttlMs: 10_000 } as const;
    const { fsm } = lab.world;
    return lab.process(id).loop.propose(fsm.encode(operation, 0)).then((response) => fsm.result(response, operation));
  };
  lab.elect(1);
  lab.settle(1, 2, 3);
  // The disk of the leader stands still; whatever it does for others waits for it.
  lab.member(1).pausedUntilUs = lab.world.nowUs + 8_000_000;
  const next = lab.leaderAmong(2, 3);
  const granted: (number | undefined)[] = [];
  lease(next, 2, 1000).then((result) => granted.push(result));
  lab.until("2 has the lease", () => granted.length === 1);
  const late: (number | string | undefined)[] = [];
  lab.until("1 wakes", () => lab.world.nowUs > lab.member(1).pausedUntilUs);
  lease(1, 1, 500).then((result) => late.push(result), () => late.push("refused"));
  lab.until("it hears the answer", () => late.length === 1);
  assert.deepEqual(granted, [1]);
  assert.notEqual(late[0], 1);
  assert.equal(lab.process(next).machine.lookup(9), 2);
});

scenario("crash: a write without an answer is neither done nor not done (Jepsen, Redis-Raft)", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.written(1, 1, 1);
  lab.settle(1, 2, 3);
  // The entry leaves, the answer never comes back.
  lab.hold((m) => m.to === 1);
  const answer = lab.write(1, 1, 2);
  lab.run(20);
  lab.isolate(1);
  lab.release([]);
  const next = lab.leaderAmong(2, 3);
  lab.mend();
  lab.settle(1, 2, 3);
  lab.until("the caller hears something", () => answer.isThere);
  const isDone = lab.process(next).machine.lookup(1) === 2;
  if (answer.error === undefined) assert(isDone);
  else assert.match(String(answer.error), /leader changed|in time/, "the words of an open outcome");
});

scenario("crash: one log on two members is found out", { voters: 2 }, (lab) => {
  lab.elect(1);
  lab.written(1, 1, 1);
  const copy = lab.member(1).disk.durableCopy();
  const options = { identity: "sim/2", owner: "member 2", log: new MemoryLog(), segmentBytes: 4096 };
  const problems: unknown[] = [];
  openFileLogStore(LOG_PATH, copy, options).catch((error: unknown) => problems.push(error));
  lab.run(1);
  assert(problems[0] instanceof ConfigError, String(problems[0]));
});
