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
  /** This member, and the one that it follows: Raft ids, 0 while it knows of no leader. */
  readonly self: number;
  readonly leader: number;
  /** Milliseconds since this member last belonged to a group that can decide; Infinity if it has not yet. */
  readonly outOfTouchMs: number;
  /** Milliseconds since another member was heard, by Raft id; Infinity if it never was. */
  readonly silenceMs: (raftId: number) => number;
}

/** Ids that one line names; the rest is counted. */
const IDS_MAX = 10;
/** An election may take so long before it is worth a line, in milliseconds; and so long a voter that was heard counts as there. */
export const NO_LEADER_MS = 5_000;

/** All lines; none if all is well. */
export function nodeHealth(view: HealthView): HealthLine[] {
  return [...noLeader(view), ...keptVoters(view)];
}

/** Nothing can be decided, and no node learns that it was removed meanwhile: those that have removed it do not know it any more. */
function noLeader(view: HealthView): HealthLine[] {
  const { members, membership: { voters }, self, leader, outOfTouchMs, silenceMs } = view;
  if (leader !== 0 || outOfTouchMs < NO_LEADER_MS) return [];
  const silent = voters.filter((raftId) => raftId !== self && silenceMs(raftId) >= NO_LEADER_MS);
  const thereCount = voters.length - silent.length;
  const neededCount = Math.floor(voters.length / 2) + 1;
  const names = silent.map((raftId) => members.find((member) => member.raftId === raftId)?.nodeId ?? `${raftId}`);
  const why = `${thereCount} of ${voters.length} voters are heard, decisions need ${neededCount}`;
  if (thereCount >= neededCount) {
    return [{
      code: "node.no_leader",
      severity: "high",
      text: `No leader, though ${why}`,
      fix: "Look at what the voters log: a disk that is slow or full, or messages that come through one way only.",
    }];
  }
  return [{
    code: "node.no_leader",
    severity: "high",
    text: `No leader: ${why}; silent: ${named(names)}`,
    fix:
      "Start them, or mend the network between. If they run and do not list this node (`weft nodes` there), it was " +
      "removed: delete its data directory and join again. If a majority is lost for good: `weft raft recover`.",
  }];
}

function named(ids: readonly string[]): string {
  const more = ids.length > IDS_MAX ? [`and ${ids.length - IDS_MAX} more`] : [];
  return [...ids.slice(0, IDS_MAX), ...more].join(", ");
}

/** A voter that lost its right to vote is demoted as soon as that is safe; until then somebody must know of it. */
function keptVoters({ members, acls, membership: { voters } }: HealthView): HealthLine[] {
  const present = voters.map((raftId) => ({ raftId, voter: true }));
  const kept = new Set(votersWithoutRight(wantedMembers(members, acls), { members: present }));
  const ids = members.filter(({ raftId }) => kept.has(raftId)).map(({ nodeId }) => nodeId);
  if (ids.length === 0) return [];
  return [{
    code: "node.kept_voters",
    severity: "medium",
    text: `Not to vote any more, by the Raft ACLs or their own wish, and kept as voters while a majority needs them: ${
      named(ids)
    }`,
    fix:
      "Start the voters that are down, or let other nodes join with --as-voter: `weft raft members`, `weft acl list`.",
  }];
}
