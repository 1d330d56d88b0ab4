/**
 * Which Raft membership change the leader should propose next, if any: the replicated `nodes` table says who belongs,
 * the Raft configuration says who is in, and the difference is worked off one change at a time (Raft thesis §4.1).
 * Level-triggered, so a leader that dies between a join and its membership change loses nothing.
 *
 * @module
 */

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

/**
 * A learner at most this many entries behind has caught up (thesis §4.2.1). It must have acknowledged something: a voter that
 * the leader has never reached would stop the group.
 */
export const CAUGHT_UP_ENTRIES_MAX = 64;

/** One step towards the wanted membership. */
export interface MembershipStep {
  readonly kind: "add-learner" | "promote" | "demote" | "remove";
  readonly raftId: number;
}

/**
 * The next step, `undefined` when the configuration is as wanted or nothing can be done yet.
 *
 * @param lastIndex The leader's last log index.
 */
export function nextMembershipStep(
  wanted: readonly WantedMember[],
  present: readonly PresentMember[],
  lastIndex: number,
): MembershipStep | undefined {
  const presentById = new Map(present.map((member) => [member.raftId, member]));
  const wantedById = new Map(wanted.map((member) => [member.raftId, member]));
  const voterCount = present.filter((member) => member.voter).length;
  for (const member of present) {
    const want = wantedById.get(member.raftId);
    const lastVoter = member.voter && voterCount === 1;
    if (!want && !lastVoter && member.mayGo) return { kind: "remove", raftId: member.raftId };
    if (want && !want.mayVote && member.voter && !lastVoter) return { kind: "demote", raftId: member.raftId };
  }
  for (const want of wanted) {
    const member = presentById.get(want.raftId);
    if (!member) return { kind: "add-learner", raftId: want.raftId };
    const caughtUp = member.recentlyActive && member.match > 0 && member.match + CAUGHT_UP_ENTRIES_MAX >= lastIndex;
    if (want.mayVote && !member.voter && caughtUp) return { kind: "promote", raftId: want.raftId };
  }
  return undefined;
}
