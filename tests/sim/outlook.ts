/**
 * Which memberships a group may be in now or soon, seen from outside: what the simulation may break, and what it must mend,
 * depends on all of them.
 *
 * @module
 */
import { type ConfChange, confChangeOf } from "../../core/raft/conf_change.ts";
import { changeMembership } from "../../core/raft/membership.ts";
import type { ConfState, Entry } from "../../core/seams/log_store.ts";
import type { World } from "./world.ts";

/** A member may be so many applied changes behind and still be the one that must be elected. */
const BEHIND_MAX = 3;

/** The newest committed memberships, and those that changes in somebody's log would make of the newest. */
export function possibleMemberships(world: World): ConfState[] {
  const committed = [...world.oracle.memberships];
  const recent = committed.slice(-BEHIND_MAX).map(([, membership]) => membership);
  const [newestIndex, newest] = committed.at(-1) ?? [];
  if (newest === undefined || newestIndex === undefined) return [];
  const pending = [...world.oracle.proposedChanges, ...unwrittenChanges(world)].filter(({ index }) =>
    index > newestIndex
  );
  return [
    ...recent,
    ...pending.flatMap((entry) => {
      const change = confChangeOf(entry);
      return change ? outcome(newest, change) : [];
    }),
  ];
}

/** Changes that are in somebody's log and not on its way to the disk yet. */
function unwrittenChanges(world: World): Entry[] {
  return [...world.members.values()].flatMap(({ engine }) => engine?.raw.log.unstable.nextEntries() ?? [])
    .filter(({ type }) => type !== "normal");
}

/** The membership after `change`; none if it is impossible. */
export function outcome(membership: ConfState, change: ConfChange): ConfState[] {
  const result = changeMembership(membership, change);
  return result.kind === "changed" ? [result.confState] : [];
}

/** Whether those for which `works` holds are a majority of both halves. */
export function hasQuorum({ voters, votersOutgoing }: ConfState, works: (id: number) => boolean): boolean {
  return [voters, votersOutgoing].every((half) => half.length === 0 || half.filter(works).length > half.length / 2);
}

/** Whether the group could go on without `id` for ever, whatever becomes of its membership. */
export function canLose(world: World, id: number): boolean {
  const works = (other: number) => other !== id && world.members.get(other)?.isUsable === true;
  return possibleMemberships(world).every((membership) => hasQuorum(membership, works));
}
