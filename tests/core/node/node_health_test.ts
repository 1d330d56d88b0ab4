import assert from "node:assert/strict";
import { IpAddress } from "../../../core/ip/address.ts";
import { nodeHealth } from "../../../core/node/node_health.ts";
import type { RaftMember } from "../../../core/state/queries/raft_members.ts";
import type { RaftAcl } from "../../../core/state/raft_acl.ts";

function member(raftId: number, nodeId: string, wantsVote = true): RaftMember {
  const meshAddress = IpAddress.parse("10.83.0.1");
  assert(meshAddress);
  return { raftId, nodeId, wantsVote, raftInstance: "", raftPort: 9443, meshAddress, underlayAddresses: [] };
}

const MEMBERS = [member(1, "a"), member(2, "b"), member(3, "c"), member(4, "d", false)];
const ALL: RaftAcl = { name: "all", patterns: ["*"], action: "allow" };
const NOT_B: RaftAcl = { name: "not-b", patterns: ["b"], action: "deny" };

function kept(acls: readonly RaftAcl[], voters: readonly number[], members = MEMBERS): string | undefined {
  const lines = nodeHealth({ members, acls, membership: { voters } });
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
