import assert from "node:assert/strict";
import { confChange } from "../../../core/raft/conf_change.ts";
import { RaftEngine } from "../../../core/raft/engine.ts";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import { confState, entriesOf, TestMember } from "./test_member.ts";

Deno.test("RaftEngine: starts as a follower with what is stored", () => {
  const member = new TestMember({ terms: [1, 2, 2], hardState: { term: 4, vote: 3, commit: 2 } });
  assert(member.engine.hasReady(), "committed entries are applied again");
  member.settle();
  assert.deepEqual(member.applied.map(({ index }) => index), [1, 2]);
  const { role, hardState, lastIndex } = member.engine.status();
  assert.deepEqual([role, hardState, lastIndex], ["follower", { term: 4, vote: 3, commit: 2 }, 3]);
});

Deno.test("RaftEngine: a state machine ahead of the stored commit index counts as committed", () => {
  const member = new TestMember({ terms: [1, 1, 1], hardState: { commit: 1 }, config: { appliedIndex: 2 } });
  assert(!member.engine.hasReady());
  assert.deepEqual([member.engine.status().appliedIndex, member.engine.status().hardState.commit], [2, 2]);
});

Deno.test("RaftEngine: a commit index behind the snapshot is no loss", () => {
  const storage = new MemoryStorage({
    hardState: { term: 2, vote: 0, commit: 1 },
    snapshot: { meta: { index: 3, term: 2, confState: confState({ voters: [1] }) }, data: new Uint8Array(0) },
    entries: entriesOf(4, [2]),
  });
  const engine = new RaftEngine(new TestMember().config, storage);
  assert.deepEqual([engine.status().hardState.commit, engine.status().appliedIndex], [3, 3]);
});

Deno.test("RaftEngine: refuses to start with less than was committed", () => {
  const options = { terms: [1], hardState: { commit: 2 } };
  assert.throws(() => new TestMember(options), { name: "InvariantError" });
});

Deno.test("RaftEngine.applyConfChange: an impossible or unreadable change leaves the membership alone", () => {
  const { engine } = new TestMember();
  const before = engine.status().membership;
  assert.deepEqual(engine.applyConfChange(confChange([])), before);
  const unreadable = { term: 1, index: 1, type: "conf-change-v2", data: new Uint8Array([9]) } as const;
  assert.deepEqual(engine.applyConfChange(unreadable), before);
  assert.deepEqual(engine.applyConfChange(confChange([{ operation: "remove", id: 3 }])).voters, [1, 2]);
});

Deno.test("RaftEngine.forgetLeader: at a follower that has one, if allowed", () => {
  const heartbeat = { kind: "heartbeat", term: 1, commit: 0, round: 1 } as const;
  const member = new TestMember();
  assert.equal(member.engine.forgetLeader(), "not-expected");
  member.step(heartbeat);
  assert.equal(member.engine.forgetLeader(), undefined);
  assert.equal(member.engine.status().leader, 0);
  const strict = new TestMember({ config: { allowForgetLeader: false } });
  strict.step(heartbeat);
  assert.equal(strict.engine.forgetLeader(), "not-allowed");
});

Deno.test("RaftEngine.reportUnreachable: stops sending ahead", () => {
  const member = new TestMember();
  member.lead();
  member.ackAll();
  assert.equal(member.engine.status().peers[1]?.state, "replicate");
  member.engine.reportUnreachable(2);
  assert.equal(member.engine.status().peers[1]?.state, "probe");
  for (const id of [1, 9]) member.engine.reportUnreachable(id);
  for (const id of [2, 9]) member.engine.reportSnapshot(id, true);
});

Deno.test("RaftEngine.step: storage responses come from the member's own storage", () => {
  const { engine } = new TestMember();
  const from = { from: 2, to: 1 };
  assert.equal(engine.step({ kind: "storage-apply-response", ...from, term: 0, entries: [] }), "wrong-sender");
});
