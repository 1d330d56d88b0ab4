import assert from "node:assert/strict";
import { confChange, encodeConfChange } from "../../../core/raft/conf_change.ts";
import { entriesOf, only, TestMember } from "./test_member.ts";

const PRE_VOTE = { config: { preVote: true } };

Deno.test("campaign: asks the others for their votes, in the next term", () => {
  const member = new TestMember({ terms: [1, 2] });
  assert.equal(member.engine.campaign(), undefined);
  const votes = only(member.settle(), "vote");
  assert.deepEqual(votes.map(({ to, term, lastIndex, lastTerm }) => [to, term, lastIndex, lastTerm]), [
    [2, 3, 2, 2],
    [3, 3, 2, 2],
  ]);
  assert.deepEqual(member.storage.initialState().hardState, { term: 3, vote: 1, commit: 0 });
});

Deno.test("campaign: requests leave only after term and vote are durable", () => {
  const member = new TestMember();
  member.engine.campaign();
  const ready = member.engine.ready();
  assert.deepEqual(only(ready.messages, "vote"), []);
  assert.equal(only(ready.responses, "vote").length, 2);
  assert(ready.mustSync);
});

Deno.test("campaign: only voters, and only with all membership changes applied", () => {
  assert.equal(new TestMember({ voters: [2, 3] }).engine.campaign(), "not-promotable");
  assert.equal(new TestMember({ voters: [2, 3], learners: [1] }).engine.campaign(), "not-promotable");
  const member = new TestMember({ voters: [1] });
  member.lead();
  assert.equal(member.engine.campaign(), "already-leader");
});

Deno.test("campaign: not with a committed membership change that is not applied", () => {
  const member = new TestMember({ terms: [1] });
  const [entry] = entriesOf(2, [1]);
  assert(entry !== undefined);
  const change = { ...entry, type: "conf-change-v2", data: encodeConfChange(confChange([])) } as const;
  member.step({ kind: "append", prevIndex: 1, prevTerm: 1, entries: [change], commit: 2 });
  assert.equal(member.engine.campaign(), "change-unapplied");
  member.settle();
  assert.equal(member.engine.campaign(), undefined);
});

Deno.test("receiveVote: a majority wins, an answer counts once, the first of each voter", () => {
  const member = new TestMember({ voters: [1, 2, 3, 4, 5] });
  member.engine.campaign();
  member.settle();
  for (let i = 0; i < 3; i++) member.step({ kind: "vote-response", from: 2, granted: true });
  assert.equal(member.engine.status().role, "candidate");
  member.step({ kind: "vote-response", from: 3, granted: false });
  member.step({ kind: "vote-response", from: 3, granted: true });
  assert.equal(member.engine.status().role, "candidate");
  member.step({ kind: "vote-response", from: 4, granted: true });
  assert.equal(member.engine.status().role, "leader");
});

Deno.test("elections: those that were begun and won are counted, asking before is not", () => {
  const alone = new TestMember({ voters: [1] });
  alone.lead();
  assert.deepEqual(alone.engine.elections, { startedCount: 1, wonCount: 1 });
  const asking = new TestMember(PRE_VOTE);
  asking.engine.campaign();
  asking.settle();
  assert.deepEqual(asking.engine.elections, { startedCount: 0, wonCount: 0 });
  asking.step({ kind: "pre-vote-response", from: 2, term: 1, granted: true });
  asking.settle();
  assert.deepEqual(asking.engine.elections, { startedCount: 1, wonCount: 0 });
  asking.step({ kind: "vote-response", from: 2, granted: true });
  assert.deepEqual(asking.engine.elections, { startedCount: 1, wonCount: 1 });
});

Deno.test("receiveVote: a majority of refusals ends the campaign", () => {
  const member = new TestMember();
  member.engine.campaign();
  member.settle();
  member.step({ kind: "vote-response", from: 2, granted: false });
  member.step({ kind: "vote-response", from: 3, granted: false });
  assert.equal(member.engine.status().role, "follower");
});

Deno.test("receiveVote: nobody leads before its own vote is durable", () => {
  const member = new TestMember();
  member.engine.campaign();
  member.engine.ready();
  member.step({ kind: "vote-response", from: 2, granted: true });
  member.step({ kind: "vote-response", from: 3, granted: true });
  assert.equal(member.engine.status().role, "candidate");
  member.engine.advance();
  assert.equal(member.engine.status().role, "leader");
});

Deno.test("becomeLeader: opens its term with an empty entry, and knows nobody's log", () => {
  const member = new TestMember({ terms: [1, 1] });
  const sent = only(member.lead(), "append");
  assert.deepEqual(sent.map(({ to, prevIndex, entries }) => [to, prevIndex, entries.length]), [[2, 2, 1], [3, 2, 1]]);
  assert.deepEqual(member.terms(), [1, 1, 2]);
  const others = member.engine.status().peers.filter(({ id }) => id !== 1);
  assert(others.every(({ match, next }) => match === 0 && next === 3));
});

Deno.test("pre-vote: asks in the next term without entering it", () => {
  const member = new TestMember({ terms: [1], ...PRE_VOTE });
  member.engine.campaign();
  const asked = only(member.settle(), "pre-vote");
  assert.deepEqual(asked.map(({ to, term }) => [to, term]), [[2, 2], [3, 2]]);
  assert.deepEqual(member.storage.initialState().hardState, { term: 1, vote: 0, commit: 0 });
  member.step({ kind: "pre-vote-response", from: 2, term: 2, granted: true });
  assert.equal(member.engine.status().role, "candidate");
  assert.equal(only(member.settle(), "vote").length, 2);
});

Deno.test("pre-vote: its answers are not votes, and votes are not its answers", () => {
  const member = new TestMember({ terms: [1], ...PRE_VOTE });
  member.engine.campaign();
  member.settle();
  assert.equal(member.step({ kind: "vote-response", from: 2, granted: true }), "not-expected");
  assert.equal(member.engine.status().role, "pre-candidate");
  member.step({ kind: "pre-vote-response", from: 2, term: 2, granted: true });
  member.settle();
  // The late answer of the dry run counts nothing now.
  assert.equal(member.step({ kind: "pre-vote-response", from: 3, term: 2, granted: true }), "not-expected");
  assert.equal(member.engine.status().role, "candidate");
});

Deno.test("pre-vote: granting or asking for one leaves the vote of the term alone", () => {
  const member = new TestMember({ terms: [1], ...PRE_VOTE });
  const ask = { lastIndex: 1, lastTerm: 1, transfer: false };
  member.step({ kind: "vote", from: 2, term: 5, ...ask });
  const [granted] = only(member.settle(), "vote-response");
  assert.equal(granted?.granted, true);
  member.step({ kind: "pre-vote", from: 3, term: 6, ...ask });
  member.engine.campaign();
  member.settle();
  assert.equal(member.storage.initialState().hardState.vote, 2);
  member.step({ kind: "vote", from: 3, term: 5, ...ask });
  assert.equal(only(member.settle(), "vote-response")[0]?.granted, false, "one vote per term");
});

Deno.test("answerVoteRequest: one vote per term, also after a crash", () => {
  const member = new TestMember();
  const ask = { kind: "vote", term: 4, lastIndex: 0, lastTerm: 0, transfer: false } as const;
  member.step({ ...ask, from: 2 });
  assert.equal(only(member.settle(), "vote-response")[0]?.granted, true);
  member.restart();
  member.step({ ...ask, from: 3 });
  assert.equal(only(member.settle(), "vote-response")[0]?.granted, false);
  member.step({ ...ask, from: 2 });
  assert.equal(only(member.settle(), "vote-response")[0]?.granted, true, "the same one again");
});

Deno.test("answerVoteRequest: the answer leaves only after the vote is durable", () => {
  const member = new TestMember();
  member.step({ kind: "vote", term: 4, lastIndex: 0, lastTerm: 0, transfer: false });
  const ready = member.engine.ready();
  assert.deepEqual([ready.messages, ready.responses.length, ready.hardState?.vote], [[], 1, 2]);
  assert(ready.mustSync);
});

Deno.test("answerVoteRequest: only for a log that is as complete", () => {
  for (
    const [lastTerm, lastIndex, granted] of [[2, 2, true], [2, 3, true], [3, 1, true], [2, 1, false], [
      1,
      9,
      false,
    ]] as const
  ) {
    const member = new TestMember({ terms: [1, 2] });
    member.step({ kind: "vote", term: 4, lastIndex, lastTerm, transfer: false });
    assert.equal(only(member.settle(), "vote-response")[0]?.granted, granted, `${lastTerm}/${lastIndex}`);
  }
});

Deno.test("answerVoteRequest: nobody else while a leader of the term is known", () => {
  const member = new TestMember();
  member.step({ kind: "heartbeat", from: 3, term: 4, commit: 0, round: 1 });
  member.step({ kind: "vote", from: 2, term: 4, lastIndex: 9, lastTerm: 4, transfer: false });
  assert.equal(only(member.settle(), "vote-response")[0]?.granted, false);
});

Deno.test("answerVoteRequest: a learner votes, for it may have been promoted", () => {
  const member = new TestMember({ voters: [2, 3], learners: [1] });
  member.step({ kind: "vote", term: 4, lastIndex: 0, lastTerm: 0, transfer: false });
  assert.equal(only(member.settle(), "vote-response")[0]?.granted, true);
});

Deno.test("learnCommit: a refusal may tell a candidate what is committed, if it has that entry", () => {
  const member = new TestMember({ terms: [1, 1, 2] });
  member.engine.campaign();
  member.settle();
  member.step({ kind: "vote-response", from: 2, granted: false, commit: { term: 3, index: 3 } });
  assert.equal(member.engine.status().hardState.commit, 0, "not the same entry");
  member.step({ kind: "vote-response", from: 2, granted: false, commit: { term: 1, index: 2 } });
  assert.equal(member.engine.status().hardState.commit, 2);
  member.step({ kind: "vote-response", from: 2, granted: false, commit: { term: 1, index: 1 } });
  assert.equal(member.engine.status().hardState.commit, 2);
});

Deno.test("tickElection: campaigns when its patience ends, not before, and never without a vote", () => {
  const member = new TestMember();
  for (let i = 1; i < 10; i++) member.engine.tick();
  assert.equal(member.engine.status().role, "follower");
  member.engine.tick();
  assert.equal(member.engine.status().role, "candidate");
  const learner = new TestMember({ voters: [2], learners: [1] });
  for (let i = 0; i < 50; i++) learner.engine.tick();
  assert.equal(learner.engine.status().role, "follower");
});

Deno.test("tickElection: patience is drawn anew for every role and term, within its bounds", () => {
  let drawn = 0;
  const random = { u32: () => drawn++, fill: () => {} };
  const member = new TestMember({ config: { random, electionTicks: 10 } });
  const seen = new Set<number>();
  for (let i = 0; i < 10; i++) {
    member.engine.campaign();
    seen.add(member.engine.inside.patienceTicks);
  }
  assert.deepEqual([Math.min(...seen), Math.max(...seen), seen.size], [10, 19, 10]);
});

Deno.test("tickElection: patience differs by the spread", () => {
  let drawn = 0;
  const random = { u32: () => drawn++, fill: () => {} };
  const member = new TestMember({ config: { random, electionTicks: 10, spreadTicks: 4 } });
  const seen = new Set<number>();
  for (let term = 1; term < 20; term++) {
    member.step({ kind: "heartbeat", from: 2, term, commit: 0, round: 1 });
    seen.add(member.engine.inside.patienceTicks);
    member.engine.checkInvariants();
  }
  assert.deepEqual([Math.min(...seen), Math.max(...seen), seen.size], [10, 13, 4]);
});

Deno.test("becomeCandidate: a candidate tries again after its own time, a follower after the usual one", () => {
  let drawn = 0;
  const random = { u32: () => drawn++, fill: () => {} };
  const member = new TestMember({ config: { random, electionTicks: 16, retryTicks: 8 } });
  assert(member.engine.inside.patienceTicks >= 16);
  const seen = new Set<number>();
  for (let i = 0; i < 32; i++) {
    member.engine.campaign();
    seen.add(member.engine.inside.patienceTicks);
  }
  assert.deepEqual([Math.min(...seen), Math.max(...seen), seen.size], [8, 15, 8]);
  member.settle();
  for (let i = 0; i < 8; i++) member.engine.tick();
  assert.deepEqual([member.engine.status().role, member.engine.status().hardState.term], ["candidate", 33]);
  member.step({ kind: "vote-response", from: 2, granted: false });
  member.step({ kind: "vote-response", from: 3, granted: false });
  assert.equal(member.engine.status().role, "follower");
  assert(member.engine.inside.patienceTicks >= 16, "who was refused gives others time");
});
