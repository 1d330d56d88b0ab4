import assert from "node:assert/strict";
import type { RaftAcl, RaftMember } from "../../../core/mod.ts";
import type { RaftStatus } from "../../../core/raft/status.ts";
import {
  aclsAfter,
  canGoOn,
  movesOf,
  outcomeOf,
  remainingMoves,
  requireVoter,
  type VoteView,
} from "../../../plugins/admin_api/voters.ts";
import { IpAddress } from "../../../core/ip/address.ts";

const NAMES = ["a", "b", "c", "d"];
const NOTHING = { demoted: [], promoted: [], kept: [], pending: [] };

function deny(...patterns: string[]): RaftAcl[] {
  return [{ name: "1", patterns: ["*"], action: "allow" }, { name: "2", patterns, action: "deny" }];
}

interface Facts {
  readonly voters?: number[];
  readonly down?: number[];
  readonly leads?: boolean;
  readonly wantVote?: number[];
}

/** Nodes a to d have the numbers 1 to 4, node a leads. */
function view(acls: readonly RaftAcl[], facts: Facts = {}): VoteView {
  const { voters = [1, 2, 3], down = [], leads = true, wantVote = [1, 2, 3, 4] } = facts;
  const meshAddress = IpAddress.parse("10.0.0.1");
  assert(meshAddress);
  const members: RaftMember[] = NAMES.map((nodeId, i) => ({
    raftId: i + 1,
    nodeId,
    wantsVote: wantVote.includes(i + 1),
    raftInstance: "",
    raftPort: 1,
    meshAddress,
    underlayAddresses: [],
  }));
  const raft: RaftStatus = {
    id: leads ? 1 : 2,
    role: leads ? "leader" : "follower",
    leader: 1,
    hardState: { term: 1, vote: 1, commit: 9 },
    appliedIndex: 9,
    firstIndex: 1,
    lastIndex: 9,
    membership: {
      voters,
      learners: [1, 2, 3, 4].filter((id) => !voters.includes(id)),
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    },
    transferee: 0,
    pendingReadsCount: 0,
    peers: !leads ? [] : members.map(({ raftId: id }) => ({
      id,
      state: "replicate",
      match: 9,
      next: 10,
      learner: !voters.includes(id),
      paused: false,
      recentlyActive: !down.includes(id),
      pendingSnapshotIndex: 0,
      inflightCount: 0,
      inflightFull: false,
    })),
  };
  return { acls, members, raft };
}

Deno.test("aclsAfter: put replaces by name, delete takes away", () => {
  const [one, two] = deny("x");
  assert(one && two);
  assert.deepEqual(aclsAfter([one, two], "2", { ...two, patterns: ["y"] }), [one, { ...two, patterns: ["y"] }]);
  assert.deepEqual(aclsAfter([one, two], "1", undefined), [two]);
  assert.deepEqual(aclsAfter([], "1", one), [one]);
});

Deno.test("requireVoter: refuses what leaves nobody, and lets pass what is a step out of that", () => {
  assert.doesNotThrow(() => requireVoter(view([]), deny("a", "b")));
  assert.throws(() => requireVoter(view([]), deny("a", "b", "c")), { reason: "precondition" });
  assert.throws(() => requireVoter(view([]), deny("?")), { reason: "precondition" });
  assert.doesNotThrow(() => requireVoter(view(deny("*")), deny("a*", "b", "c")));
});

Deno.test("movesOf: voters without the right, learners with right and wish, and nobody else", () => {
  assert.deepEqual([...movesOf(view([], { voters: [1, 2, 3, 4] }))], []);
  assert.deepEqual([...movesOf(view(deny("b"), { voters: [1, 2, 3] }))], [[2, false], [4, true]]);
  assert.deepEqual([...movesOf(view(deny("b"), { wantVote: [1, 2, 3] }))], [[2, false]]);
  assert.deepEqual([...movesOf(view(deny("d")))], []);
});

Deno.test("remainingMoves: what is done, and what nobody wants any more, is left out", () => {
  const moves = movesOf(view(deny("b", "c", "d")));
  assert.deepEqual([...remainingMoves(moves, view(deny("b", "c", "d"), { voters: [1, 3] }))], [[3, false]]);
  assert.deepEqual([...remainingMoves(moves, view(deny("b", "d")))], [[2, false]]);
});

Deno.test("canGoOn: not while the quorum needs who should go; a follower cannot tell", () => {
  const moves = movesOf(view(deny("b", "d")));
  assert.equal(canGoOn(moves, view(deny("b", "d"))), true);
  assert.equal(canGoOn(moves, view(deny("b", "d"), { down: [3] })), false);
  assert.equal(canGoOn(moves, view(deny("b", "d"), { leads: false })), true);
  const gains = movesOf(view([], { voters: [1, 2, 3] }));
  assert.equal(canGoOn(gains, view([])), true);
  assert.equal(canGoOn(gains, view([], { down: [4] })), false);
});

Deno.test("outcomeOf: demoted, promoted, kept, pending", () => {
  const moves = movesOf(view(deny("b", "c")));
  assert.deepEqual(outcomeOf(moves, view(deny("b", "c"), { voters: [1, 4] })), {
    ...NOTHING,
    demoted: ["b", "c"],
    promoted: ["d"],
  });
  assert.deepEqual(outcomeOf(moves, view(deny("b", "c"), { voters: [1, 3, 4], down: [4] })), {
    ...NOTHING,
    demoted: ["b"],
    promoted: ["d"],
    kept: ["c"],
  });
  assert.deepEqual(outcomeOf(moves, view(deny("b", "c"), { leads: false })), { ...NOTHING, pending: ["b", "c", "d"] });
  assert.deepEqual(outcomeOf(new Map(), view([])), NOTHING);
});
