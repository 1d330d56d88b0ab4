import assert from "node:assert/strict";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { PLAIN_LAYOUT } from "../../../core/cli/format.ts";
import {
  raftMembersJson,
  raftMembersLines,
  raftStatusJson,
  raftStatusLines,
  snapshotLines,
  transferLines,
} from "../../../core/cli/raft_view.ts";
import {
  ListRaftMembersResponseSchema,
  RaftDetailsSchema,
  TakeSnapshotResponseSchema,
  TransferLeadershipResponseSchema,
} from "../../../proto/gen/weft/v1/control_pb.ts";

const MEMBERS: MessageInitShape<typeof ListRaftMembersResponseSchema> = {
  viewer: "a",
  term: 4n,
  lastIndex: 20n,
  members: [
    { id: "a", raftId: 1n, role: "leader", address: "10.0.0.1:9443", matchIndex: 20n, lag: 0n },
    { id: "b", raftId: 2n, role: "voter", address: "10.0.0.2:9443", matchIndex: 18n, lag: 2n, lastContactMs: 40n },
    { id: "", raftId: 3n, role: "learner", address: "", matchIndex: 0n, lag: 20n, lastContactMs: 61_000n },
  ],
};

Deno.test("raftMembersLines: a row per member, and how many voters may be lost", () => {
  assert.deepEqual(raftMembersLines(create(ListRaftMembersResponseSchema, MEMBERS), PLAIN_LAYOUT), [
    "NODE  RAFT ID  ROLE     ADDRESS        MATCH  LAG  LAST CONTACT",
    "a     1        leader   10.0.0.1:9443  20     0    -",
    "b     2        voter    10.0.0.2:9443  18     2    40 ms ago",
    "-     3        learner  -              0      20   1m01s ago",
    "quorum 2 of 2 voters: none may be lost",
  ]);
  const follower = create(ListRaftMembersResponseSchema, { ...MEMBERS, viewer: "b\u001b[31m" });
  assert.match(raftMembersLines(follower, PLAIN_LAYOUT).at(-1) ?? "", /as seen by b\?\[31m, which does not lead$/);
});

Deno.test("raftMembersJson: what is not known is null", () => {
  const json = raftMembersJson(create(ListRaftMembersResponseSchema, MEMBERS));
  assert.deepEqual(json["members"], [
    {
      id: "a",
      raftId: 1,
      role: "leader",
      address: "10.0.0.1:9443",
      lastContactMs: null,
      matchIndex: 20,
      lag: 0,
      progress: "",
    },
    {
      id: "b",
      raftId: 2,
      role: "voter",
      address: "10.0.0.2:9443",
      lastContactMs: 40,
      matchIndex: 18,
      lag: 2,
      progress: "",
    },
    { id: "", raftId: 3, role: "learner", address: "", lastContactMs: 61_000, matchIndex: 0, lag: 20, progress: "" },
  ]);
});

const DETAILS: MessageInitShape<typeof RaftDetailsSchema> = {
  id: "a",
  raftId: 1n,
  meshId: "m1",
  role: "leader",
  leader: "a",
  term: 4n,
  commitIndex: 20n,
  appliedIndex: 19n,
  firstIndex: 2n,
  lastIndex: 21n,
  voters: 3,
  quorumContactMs: 12n,
  stateHash: "abcd",
  snapshotIndex: 10n,
  snapshotTerm: 3n,
  snapshotBytes: 4096n,
  snapshotFile: "/d/raft/snap/x.data",
  walBytes: 8_388_608n,
  walFiles: 1,
  electionTimeoutMs: 1500n,
  heartbeatMs: 500n,
};

Deno.test("raftStatusLines: one fact per line; a quarantine only where there is one", () => {
  assert.deepEqual(raftStatusLines(create(RaftDetailsSchema, DETAILS), PLAIN_LAYOUT), [
    "node      a  raft id 1",
    "mesh      m1",
    "role      leader",
    "leader    a",
    "term      4",
    "quorum    2 of 3, heard of 12 ms ago",
    "commit    20",
    "applied   19",
    "log       2 to 21",
    "snapshot  10  term 3  4.0 KiB  /d/raft/snap/x.data",
    "wal       8.0 MiB in 1 file",
    "timing    election 1500 to 3000 ms, heartbeat 500 ms",
    "state     abcd",
  ]);
  const bad = raftStatusLines(create(RaftDetailsSchema, { ...DETAILS, quarantine: "hash differs" }), PLAIN_LAYOUT);
  assert.equal(bad.at(-1), "quarantine  hash differs");
  const fresh = raftStatusLines(create(RaftDetailsSchema, {}), PLAIN_LAYOUT);
  assert.match(fresh.join("\n"), /quorum +1 of 0, heard of never\n.*\n.*\n.*\nsnapshot +none/);
});

Deno.test("raftStatusJson: every fact, numbers as numbers", () => {
  const json = raftStatusJson(create(RaftDetailsSchema, DETAILS));
  assert.deepEqual(json["log"], { firstIndex: 2, lastIndex: 21 });
  assert.deepEqual(json["wal"], { bytes: 8_388_608, files: 1 });
  assert.deepEqual(json["snapshot"], { index: 10, term: 3, bytes: 4096, file: "/d/raft/snap/x.data" });
  assert.equal(json["quorumContactMs"], 12);
  assert.equal(raftStatusJson(create(RaftDetailsSchema, {}))["quorumContactMs"], null);
});

Deno.test("transferLines, snapshotLines: what was done", () => {
  const transfer = (moved: boolean) => create(TransferLeadershipResponseSchema, { leader: "b", term: 5n, moved });
  assert.deepEqual(transferLines(transfer(true)), ["b leads now, in term 5."]);
  assert.deepEqual(transferLines(transfer(false)), ["b leads already, in term 5."]);
  const snapshot = (file: string) => create(TakeSnapshotResponseSchema, { index: 9n, term: 2n, bytes: 2048n, file });
  assert.deepEqual(snapshotLines(snapshot("/x")), ["Snapshot at index 9, term 2: 2.0 KiB  /x"]);
  assert.deepEqual(snapshotLines(snapshot("")), ["Snapshot at index 9, term 2: 2.0 KiB  in memory only"]);
});
