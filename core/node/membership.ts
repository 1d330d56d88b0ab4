/**
 * Which Raft membership change the leader should propose next, if any: the replicated `nodes` table says who belongs,
 * the Raft ACLs say who may vote, the Raft configuration says who is in, and the difference is worked off one change at a
 * time (Raft thesis §4.1). Level-triggered, so a leader that dies between a join and its membership change, or between an
 * ACL and what follows from it, loses nothing.
 *
 * A voter that lost its right becomes a learner only if a majority of the voters that remain is up and has the log:
 * otherwise the change would be the last one for a while. Those that are down go first, the leader last, and only after it
 * has handed over to somebody who may vote.
 *
 * @module
 */
import type { RaftStatus } from "../raft/status.ts";
import type { RaftMember } from "../state/queries/raft_members.ts";
import { type RaftAcl, voteVerdict } from "../state/raft_acl.ts";

/** A node that belongs to the mesh, from the replicated state. */
export interface WantedMember {
  readonly raftId: number;
  /** Asked to vote and allowed to by the Raft ACLs. */
  readonly mayVote: boolean;
}

/** What the leader knows of a member of the present configuration. */
export interface PresentMember {
  readonly raftId: number;
  readonly voter: boolean;
  /** Highest log index known to be on that member's disk. */
  readonly match: number;
  /** Answered within the last election timeout. */
  readonly recentlyActive: boolean;
  /** If it is no longer wanted: it was told so, or has had its time to learn it. Once out of the group it is told nothing. */
  readonly mayGo: boolean;
}

/** The group as its leader sees it. */
export interface PresentGroup {
  readonly members: readonly PresentMember[];
  readonly leaderId: number;
  /** The leader's last log index. */
  readonly lastIndex: number;
}

/**
 * A learner at most this many entries behind has caught up (thesis §4.2.1). It must have acknowledged something: a voter that
 * the leader has never reached would stop the group.
 */
export const CAUGHT_UP_ENTRIES_MAX = 64;

/** One step towards the wanted membership; for `hand-over`, `raftId` is who shall lead. */
export interface MembershipStep {
  readonly kind: "add-learner" | "promote" | "demote" | "hand-over" | "remove";
  readonly raftId: number;
}

/** Who belongs, and who of them may vote. */
export function wantedMembers(members: readonly RaftMember[], acls: readonly RaftAcl[]): WantedMember[] {
  return members.map(({ raftId, nodeId, wantsVote }) => ({
    raftId,
    mayVote: wantsVote && voteVerdict(acls, nodeId).allowed,
  }));
}

/**
 * The group as `status` has it; nobody is in it unless that is a leader's.
 *
 * @param isActive Whether a member answered within the last election timeout; in doubt what Raft has counted.
 */
export function presentGroup(
  status: RaftStatus,
  isActive: (raftId: number) => boolean = () => false,
  mayGo: (raftId: number) => boolean = () => true,
): PresentGroup {
  const members = status.peers.map(({ id, match, recentlyActive }) => ({
    raftId: id,
    voter: status.membership.voters.includes(id),
    match,
    recentlyActive: recentlyActive || id === status.id || isActive(id),
    mayGo: mayGo(id),
  }));
  return { members, leaderId: status.id, lastIndex: status.lastIndex };
}

/** The next step, `undefined` when the configuration is as wanted or nothing can be done yet. */
export function nextMembershipStep(wanted: readonly WantedMember[], group: PresentGroup): MembershipStep | undefined {
  const { members, lastIndex } = group;
  const presentById = new Map(members.map((member) => [member.raftId, member]));
  const wantedIds = new Set(wanted.map(({ raftId }) => raftId));
  const voterCount = members.filter((member) => member.voter).length;
  for (const { raftId, voter, mayGo } of members) {
    const lastVoter = voter && voterCount === 1;
    if (!wantedIds.has(raftId) && !lastVoter && mayGo) return { kind: "remove", raftId };
  }
  const demotion = nextDemotion(wanted, group);
  if (demotion) return demotion;
  for (const { raftId, mayVote } of wanted) {
    const member = presentById.get(raftId);
    if (!member) return { kind: "add-learner", raftId };
    if (mayVote && !member.voter && isCaughtUp(member, lastIndex)) return { kind: "promote", raftId };
  }
  return undefined;
}

/** Voters of the mesh that may not vote, by their number in Raft. */
export function votersWithoutRight(
  wanted: readonly WantedMember[],
  { members }: { readonly members: readonly Pick<PresentMember, "raftId" | "voter">[] },
): number[] {
  const denied = new Set(wanted.filter(({ mayVote }) => !mayVote).map(({ raftId }) => raftId));
  return members.filter(({ raftId, voter }) => voter && denied.has(raftId)).map(({ raftId }) => raftId);
}

/** The next step towards voters that all may vote; `undefined` if they do, or none is possible, see the module. */
export function nextDemotion(wanted: readonly WantedMember[], group: PresentGroup): MembershipStep | undefined {
  const denied = new Set(votersWithoutRight(wanted, group));
  const voters = group.members.filter(({ voter }) => voter);
  const rank = ({ raftId, recentlyActive }: PresentMember) => raftId === group.leaderId ? 2 : recentlyActive ? 1 : 0;
  const candidates = voters.filter(({ raftId }) => denied.has(raftId)).sort((a, b) => rank(a) - rank(b));
  for (const { raftId } of candidates) {
    const rest = voters.filter((voter) => voter.raftId !== raftId);
    const working = rest.filter((voter) => isCaughtUp(voter, group.lastIndex));
    if (rest.length === 0 || working.length * 2 <= rest.length) continue;
    if (raftId !== group.leaderId) return { kind: "demote", raftId };
    const [heir] = working.filter((voter) => !denied.has(voter.raftId)).sort((a, b) => b.match - a.match);
    if (heir) return { kind: "hand-over", raftId: heir.raftId };
  }
  return undefined;
}

/** Whether the member is up and has nearly all of the log. */
export function isCaughtUp({ match, recentlyActive }: PresentMember, lastIndex: number): boolean {
  return recentlyActive && match > 0 && match + CAUGHT_UP_ENTRIES_MAX >= lastIndex;
}
