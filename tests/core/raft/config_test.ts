import assert from "node:assert/strict";
import { checkRaftConfig, RAFT_DEFAULTS, type RaftConfig } from "../../../core/raft/config.ts";
import { MEMBER_ID_MAX } from "../../../core/raft/message.ts";

const random = { u32: () => 0, fill: () => {} };
const good: RaftConfig = { ...RAFT_DEFAULTS, id: 1, random, appliedIndex: 0 };

Deno.test("checkRaftConfig: takes the defaults, with the safety nets on", () => {
  checkRaftConfig(good);
  assert(good.preVote && good.checkQuorum && good.stepDownOnRemoval && good.validateConfChanges);
});

Deno.test("checkRaftConfig: refuses what is out of range", () => {
  const bad: Partial<RaftConfig>[] = [
    { id: 0 },
    { id: 1.5 },
    { id: MEMBER_ID_MAX + 1 },
    { appliedIndex: -1 },
    { heartbeatTicks: 0 },
    { electionTicks: 1, heartbeatTicks: 1 },
    { electionTicks: NaN },
    { spreadTicks: 0 },
    { spreadTicks: 1.5 },
    { spreadTicks: good.electionTicks + 1 },
    { retryTicks: 0 },
    { retryTicks: 1.5 },
    { maxInflightAppendsCount: 0 },
    { maxInflightBytes: 0 },
    { maxAppendBytes: 0 },
    { maxUncommittedBytes: 0 },
    { maxUnstableBytes: 0 },
    { maxApplyingBytes: 0 },
    { maxPendingReadsCount: 0 },
  ];
  for (const change of bad) {
    assert.throws(() => checkRaftConfig({ ...good, ...change }), { name: "InvariantError" }, JSON.stringify(change));
  }
});
