import assert from "node:assert/strict";
import { IpAddress } from "../../../core/ip/address.ts";
import { NO_LEADER_MS, nodeHealth } from "../../../core/node/node_health.ts";
import type { RaftMember } from "../../../core/state/queries/raft_members.ts";
import type { RaftAcl } from "../../../core/state/raft_acl.ts";

function member(raftId: number, nodeId: string, wantsVote = true): RaftMember {
  const meshAddress = IpAddress.parse("10.83.0.1");
  assert(meshAddress);
  return { raftId, nodeId, wantsVote, raftInstance: "", raftPort: 9443, meshAddress, underlayAddresses: [] };
}

const MEMBERS = [member(1, "a"), member(2, "b"), member(3, "c"), member(4, "d", false)];
const WELL = { members: MEMBERS, acls: [], self: 1, leader: 2, outOfTouchMs: 0, silenceMs: () => 0 };
const ALL: RaftAcl = { name: "all", patterns: ["*"], action: "allow" };
const NOT_B: RaftAcl = { name: "not-b", patterns: ["b"], action: "deny" };

function kept(acls: readonly RaftAcl[], voters: readonly number[], members = MEMBERS): string | undefined {
  const lines = nodeHealth({ ...WELL, members, acls, membership: { voters } });
  assert(lines.every(({ code, severity, fix }) => code === "node.kept_voters" && severity === "medium" && fix !== ""));
  return lines[0]?.text.replace(/^.*: /, "");
}

Deno.test("nodeHealth: nothing while all voters may vote, whoever else may not", () => {
  assert.equal(kept([], [1, 2, 3]), undefined);
  assert.equal(kept([ALL], [1, 2, 3]), undefined);
  assert.equal(kept([ALL, NOT_B], [1, 3]), undefined);
});

Deno.test("nodeHealth: voters that lost their right, and that want to vote no more, by name", () => {
  assert.equal(kept([ALL, NOT_B], [1, 2, 3]), "b");
  assert.equal(kept([ALL, NOT_B], [1, 2, 3, 4]), "b, d");
});

Deno.test("nodeHealth: a member that is no node any more is not named", () => {
  assert.equal(kept([ALL], [1, 2, 9]), undefined);
});

Deno.test("nodeHealth: ten ids, and how many more", () => {
  const many = Array.from({ length: 12 }, (_, i) => member(i + 1, `n${i + 1}`, false));
  const text = kept([], many.map(({ raftId }) => raftId), many);
  assert.equal(text, "n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, and 2 more");
});

/** What `a` says without a leader, when the members with these ids are silent. */
function leaderless(silent: readonly number[], outOfTouchMs = NO_LEADER_MS, voters = [1, 2, 3]) {
  const silenceMs = (raftId: number) => silent.includes(raftId) ? NO_LEADER_MS : NO_LEADER_MS - 1;
  const lines = nodeHealth({ ...WELL, membership: { voters }, leader: 0, outOfTouchMs, silenceMs });
  const line = lines.find(({ code }) => code === "node.no_leader");
  assert(line === undefined || (line === lines[0] && line.severity === "high" && line.fix !== ""));
  return line;
}

Deno.test("nodeHealth: an election is no line, unless it takes long", () => {
  assert.equal(leaderless([2, 3], NO_LEADER_MS - 1), undefined);
  assert.equal(leaderless([2, 3])?.text, "No leader: 1 of 3 voters are heard, decisions need 2; silent: b, c");
  assert.equal(leaderless([2, 3], Infinity)?.text, leaderless([2, 3])?.text);
});

Deno.test("nodeHealth: without a leader, whether voters are missing, and whom", () => {
  assert.equal(leaderless([3])?.text, "No leader, though 2 of 3 voters are heard, decisions need 2");
  assert.equal(
    leaderless([2, 3, 4], NO_LEADER_MS, [1, 2, 3, 4, 9])?.text,
    "No leader: 2 of 5 voters are heard, decisions need 3; silent: b, c, d",
  );
  assert.match(leaderless([9], NO_LEADER_MS, [1, 9])?.text ?? "", /silent: 9$/, "a member that is no node");
  assert.match(leaderless([2, 3], NO_LEADER_MS, [2, 3])?.text ?? "", /^No leader: 0 of 2 /, "seen by a learner");
});
