/**
 * What a change of the Raft ACLs means for who votes: whether it may be made, and what came of it. Pure.
 *
 * @module
 */
import {
  isCaughtUp,
  MeshError,
  nextDemotion,
  presentGroup,
  type RaftAcl,
  type RaftMember,
  type RaftStatus,
  type VoteOutcome,
  votersWithoutRight,
  voteVerdict,
  wantedMembers,
} from "../../core/mod.ts";

/** The mesh at one moment: its ACLs, its nodes as Raft members, and Raft as this node knows it. */
export interface VoteView {
  readonly acls: readonly RaftAcl[];
  readonly members: readonly RaftMember[];
  readonly raft: RaftStatus;
}

/** The ACLs after `put` has taken the place of the one of its name, or after `deleted` is gone. */
export function aclsAfter(acls: readonly RaftAcl[], name: string, put: RaftAcl | undefined): RaftAcl[] {
  const others = acls.filter((acl) => acl.name !== name);
  return put ? [...others, put] : others;
}

/**
 * A change that would leave no present voter with the right to vote is refused: nobody could lead, and the membership could
 * only be left as it is. One that begins like that may be made, because it can be a step out of it.
 *
 * @throws {MeshError} `precondition`.
 */
export function requireVoter({ acls, members, raft }: VoteView, after: readonly RaftAcl[]): void {
  if (mayAnyVote(members, raft, after) || !mayAnyVote(members, raft, acls)) return;
  throw new MeshError("precondition", "No present voter of the mesh would be allowed to vote", {
    hint: 'Allow at least one of them: a node that no ACL matches may not vote either. To deny a few, also allow "*".',
  });
}

function mayAnyVote(members: readonly RaftMember[], { membership }: RaftStatus, acls: readonly RaftAcl[]): boolean {
  return members.some(({ raftId, nodeId }) => membership.voters.includes(raftId) && voteVerdict(acls, nodeId).allowed);
}

/** Who has to change sides: by number in Raft, whether it shall vote. */
export type Moves = ReadonlyMap<number, boolean>;

/** What the ACLs ask for and is not so: voters without the right, and learners that want to vote and may. */
export function movesOf({ acls, members, raft: { membership } }: VoteView): Moves {
  const wanted = new Map(wantedMembers(members, acls).map(({ raftId, mayVote }) => [raftId, mayVote]));
  const ids = [...membership.voters, ...membership.learners].filter((raftId) => wanted.has(raftId));
  const moves = ids.map((raftId) => [raftId, wanted.get(raftId) === true] as const);
  return new Map(moves.filter(([raftId, shallVote]) => membership.voters.includes(raftId) !== shallVote));
}

/** Of `moves`, what is not done yet. A node that has left, or whose right has changed again, has nothing left to do. */
export function remainingMoves(moves: Moves, view: VoteView): Moves {
  const now = movesOf(view);
  return new Map([...moves].filter(([raftId, shallVote]) => now.get(raftId) === shallVote));
}

/** Whether the leader can do some of `remaining` now; a node that does not lead cannot tell, and hopes so. */
export function canGoOn(remaining: Moves, { acls, members, raft }: VoteView): boolean {
  if (raft.role !== "leader") return remaining.size > 0;
  const group = presentGroup(raft);
  if (nextDemotion(wantedMembers(members, acls), group)) return true;
  return group.members.some((member) =>
    !member.voter && remaining.has(member.raftId) && isCaughtUp(member, group.lastIndex)
  );
}

/** What came of `moves`; node ids in the order of their numbers in Raft. */
export function outcomeOf(moves: Moves, view: VoteView): VoteOutcome {
  const { acls, members, raft } = view;
  const remaining = remainingMoves(moves, view);
  const names = new Map(members.map(({ raftId, nodeId }) => [raftId, nodeId]));
  const isHeld = raft.role === "leader" && !canGoOn(remaining, view);
  const held = new Set(isHeld ? votersWithoutRight(wantedMembers(members, acls), presentGroup(raft)) : []);
  const named = (ids: readonly number[]) =>
    ids.toSorted((a, b) => a - b).map((id) => names.get(id)).filter((name) => name !== undefined);
  const done = (shallVote: boolean) =>
    [...moves].filter(([raftId, vote]) => vote === shallVote && !remaining.has(raftId)).map(([raftId]) => raftId);
  return {
    demoted: named(done(false).filter((raftId) => !raft.membership.voters.includes(raftId))),
    promoted: named(done(true).filter((raftId) => raft.membership.voters.includes(raftId))),
    kept: named([...remaining.keys()].filter((raftId) => held.has(raftId))),
    pending: named([...remaining.keys()].filter((raftId) => !held.has(raftId))),
  };
}
