/**
 * What is wrong with the node or its mesh, for `weft status`, beside what plugins say of themselves. Any node can tell: it
 * looks at its own replica and at the Raft configuration as it knows it. Pure.
 *
 * @module
 */
import type { HealthLine } from "../plugin/health.ts";
import type { ConfState } from "../seams/log_store.ts";
import type { RaftMember } from "../state/queries/raft_members.ts";
import type { RaftAcl } from "../state/raft_acl.ts";
import { votersWithoutRight, wantedMembers } from "./membership.ts";

/** What it is told from. */
export interface HealthView {
  readonly members: readonly RaftMember[];
  readonly acls: readonly RaftAcl[];
  readonly membership: Pick<ConfState, "voters">;
}

/** Ids that one line names; the rest is counted. */
const IDS_MAX = 10;

/** All lines; none if all is well. */
export function nodeHealth(view: HealthView): HealthLine[] {
  return keptVoters(view);
}

/** A voter that lost its right to vote is demoted as soon as that is safe; until then somebody must know of it. */
function keptVoters({ members, acls, membership: { voters } }: HealthView): HealthLine[] {
  const present = voters.map((raftId) => ({ raftId, voter: true }));
  const kept = new Set(votersWithoutRight(wantedMembers(members, acls), { members: present }));
  const ids = members.filter(({ raftId }) => kept.has(raftId)).map(({ nodeId }) => nodeId);
  if (ids.length === 0) return [];
  const more = ids.length > IDS_MAX ? [`and ${ids.length - IDS_MAX} more`] : [];
  return [{
    code: "node.kept_voters",
    severity: "medium",
    text: `Not to vote any more, by the Raft ACLs or their own wish, and kept as voters while a majority needs them: ${
      [...ids.slice(0, IDS_MAX), ...more].join(", ")
    }`,
    fix:
      "Start the voters that are down, or let other nodes join with --as-voter: `weft raft members`, `weft acl list`.",
  }];
}
