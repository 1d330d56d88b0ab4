/** Votes and what a leader may commit. */
import assert from "node:assert/strict";
import { scenario } from "../lab.ts";
import { calmPlan } from "../plan.ts";

scenario(
  "elections: Figure 8, entries of earlier terms are not committed by counting (LogCabin 44)",
  { voters: 5, plan: { raft: { ...calmPlan(5).raft, maxAppendBytes: 1 } } },
  (lab) => {
    const index = (id: number) => lab.process(id).engine.raw.log.lastIndex();
    lab.elect(1);
    lab.written(1, 1, 1);
    lab.settle(1, 2, 3, 4, 5);
    // (a) 1 leads and reaches only 2 with an entry.
    lab.hold((m) => m.kind === "append" && m.to !== 2);
    lab.write(1, 2, 20);
    lab.until("2 has the entry", () => index(2) === index(1));
    lab.run(5);
    const old = index(1);
    lab.crash(1);
    lab.crash(2);
    lab.release([]);
    // (b) 5 leads with the votes of 3 and 4, and writes where nobody hears it.
    lab.hold((m) => m.kind === "append");
    lab.elect(5);
    lab.write(5, 2, 50);
    lab.run(5);
    assert(lab.process(5).engine.raw.log.term(old) !== undefined);
    lab.crash(5);
    lab.release([]);
    // (c) 1 leads again and brings the old entry to a majority, but no entry of its new term.
    lab.restart(1);
    lab.restart(2);
    const isBehind = (id: number) => (lab.member(id).engine?.raw.log.lastIndex() ?? 0) < old;
    lab.hold((m) => m.kind === "append" && (m.to === 4 || (!isBehind(m.to) && m.entries.length > 0)));
    lab.elect(1);
    lab.run(1000);
    assert.equal(lab.process(3).engine.raw.log.term(old), lab.process(1).engine.raw.log.term(old), "3 has it as well");
    assert(lab.process(1).engine.raw.log.committed < old, "a majority has it, and yet it is not committed");
    // (d) so 5 may still overwrite it.
    lab.crash(1);
    lab.crash(2);
    lab.release([]);
    lab.restart(5);
    lab.elect(5);
    lab.restart(1);
    lab.restart(2);
    lab.expectWork(1, 2, 3, 4, 5);
  },
);

scenario(
  "elections: late and doubled votes count once, for one term and one life (canonical/raft 196)",
  { voters: 3 },
  (lab) => {
    lab.until("all are up", () => [1, 2, 3].every((id) => lab.member(id).state === "up"));
    lab.hold((m) => m.kind === "vote-response" || m.kind === "pre-vote-response");
    lab.process(1).loop.withEngine((engine) => engine.campaign());
    lab.until("promises are on the way", () => lab.held.length >= 2);
    const promises = [...lab.held];
    lab.release([...promises, ...promises, ...promises]);
    lab.hold((m) => m.kind === "vote-response");
    lab.until("votes are on the way", () => lab.held.length >= 1);
    const votes = [...lab.held];
    lab.crash(1);
    lab.restart(1);
    // What was meant for the candidate before the crash finds a follower, or a candidate of a later term.
    lab.release([...votes, ...votes, ...promises]);
    lab.run(20);
    assert.notEqual(lab.role(1), "leader");
    lab.expectWork(1, 2, 3);
  },
);

scenario("elections: a vote survives the power, and is not given again", { voters: 3 }, (lab) => {
  lab.until("all are up", () => [1, 2, 3].every((id) => lab.member(id).state === "up"));
  lab.isolate(3);
  lab.hold((m) => m.kind === "vote-response");
  lab.process(1).loop.withEngine((engine) => engine.campaign());
  lab.until("2 has voted for 1", () => lab.held.length === 1);
  const { term, vote } = lab.process(2).engine.raw;
  assert.equal(vote, 1);
  lab.crash(2);
  lab.restart(2);
  assert.deepEqual({ term: lab.process(2).engine.raw.term, vote: lab.process(2).engine.raw.vote }, { term, vote });
  lab.crash(1);
  lab.mend();
  lab.release([]);
  lab.expectWork(2, 3);
  assert(lab.process(2).engine.raw.term > term, "the term was given to 1, so it led nobody");
});

scenario("elections: a deposed leader takes nothing back (NuRaft 185)", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.written(1, 1, 1);
  lab.isolate(1);
  for (let i = 0; i < 5; i++) lab.write(1, 2, 100 + i);
  const next = lab.leaderAmong(2, 3);
  for (let i = 0; i < 3; i++) lab.written(next, 3, 200 + i);
  lab.mend();
  lab.settle(1, 2, 3);
  assert.equal(lab.process(1).machine.lookup(2), 0, "what 1 wrote alone is gone");
  assert.equal(lab.process(1).machine.lookup(3), 202);
});

scenario("elections: a follower acknowledges what the leader sent, not all it has (CCF 5674)", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.written(1, 1, 1);
  lab.settle(1, 2, 3);
  // 3 gets a tail that nobody else has.
  lab.isolate(1, 3);
  lab.hold((m) => m.from === 3);
  for (let i = 0; i < 6; i++) lab.write(1, 2, 100 + i);
  lab.run(30);
  const tail = lab.process(3).engine.raw.log.lastIndex();
  lab.crash(1);
  lab.crash(3);
  lab.release([]);
  lab.mend();
  lab.restart(1);
  lab.isolate(3);
  lab.member(3).start();
  // Another leader asks 3 about an entry in the middle.
  lab.elect(1);
  lab.run(100);
  const acks: number[] = [];
  lab.hold((m) => {
    if (m.kind === "append-ack" && m.from === 3) acks.push(m.index);
    return false;
  });
  lab.mend();
  lab.expectWork(1, 2, 3);
  assert(acks.length > 0 && tail > 0);
});
