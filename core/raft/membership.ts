/**
 * Who votes, who learns, and how that may change (thesis §4.1–§4.3), as pure functions from one membership to the next.
 *
 * The membership is a `ConfState`. While `votersOutgoing` is not empty it is joint: decisions need a majority of
 * `voters` and one of `votersOutgoing`. A voter that shall become a learner stays a voter of the outgoing half until
 * the joint configuration is left, and waits in `learnersNext`.
 *
 * @module
 */
import type { ConfState } from "../seams/log_store.ts";
import type { ConfChange, ConfChangeStep } from "./conf_change.ts";

/** Why a change cannot be made; the membership stays. */
export type MembershipError =
  /** No voter would remain. */
  | "no-voters"
  /** There are no voters to join others with. */
  | "no-configuration"
  /** More than one voter would change at once. */
  | "needs-joint"
  /** The membership is joint already. */
  | "must-leave-joint"
  /** The membership is not joint. */
  | "not-joint";

/** The new membership, or why there is none. */
export type MembershipResult =
  | { readonly kind: "changed"; readonly confState: ConfState }
  | { readonly kind: "refused"; readonly why: MembershipError };

/** Nobody: what a member knows before it hears of a group. */
export const EMPTY_MEMBERSHIP: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** Whether decisions need two majorities. */
export function isJoint(conf: ConfState): boolean {
  return conf.votersOutgoing.length > 0;
}

/** Whether `id` has a vote in either half. */
export function isVoter(conf: ConfState, id: number): boolean {
  return conf.voters.includes(id) || conf.votersOutgoing.includes(id);
}

/** Whether `id` takes part at all. */
export function isMember(conf: ConfState, id: number): boolean {
  return isVoter(conf, id) || conf.learners.includes(id);
}

/** Everybody with a vote in either half, ascending. */
export function voterIds(conf: ConfState): number[] {
  return isJoint(conf) ? sorted(new Set([...conf.voters, ...conf.votersOutgoing])) : [...conf.voters];
}

/** Everybody, ascending. */
export function memberIds(conf: ConfState): number[] {
  return sorted(new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners]));
}

/** What `change` makes of `conf`: leave, enter or bypass the joint configuration, as the change says. */
export function changeMembership(conf: ConfState, change: ConfChange): MembershipResult {
  if (change.transition === "auto" && change.steps.length === 0) return leaveJoint(conf);
  if (change.transition === "auto" && change.steps.length === 1) return changeSimply(conf, change.steps);
  return enterJoint(conf, change.steps, change.transition !== "explicit");
}

/** Changes any number of learners and at most one voter, without a joint configuration (thesis §4.1). */
export function changeSimply(conf: ConfState, steps: readonly ConfChangeStep[]): MembershipResult {
  if (isJoint(conf)) return refused("must-leave-joint");
  const draft = draftOf(conf);
  takeSteps(draft, steps);
  if (draft.voters.size === 0) return refused("no-voters");
  if (draft.voters.symmetricDifference(new Set(conf.voters)).size > 1) return refused("needs-joint");
  return finished(draft, false);
}

/** Takes any steps in the incoming half, while the present voters stay as the outgoing half (thesis §4.3). */
export function enterJoint(conf: ConfState, steps: readonly ConfChangeStep[], autoLeave: boolean): MembershipResult {
  if (isJoint(conf)) return refused("must-leave-joint");
  if (conf.voters.length === 0) return refused("no-configuration");
  const draft = draftOf(conf);
  for (const id of conf.voters) draft.outgoing.add(id);
  takeSteps(draft, steps);
  if (draft.voters.size === 0) return refused("no-voters");
  return finished(draft, autoLeave);
}

/** Drops the outgoing half; who waits to be a learner becomes one. */
export function leaveJoint(conf: ConfState): MembershipResult {
  if (!isJoint(conf)) return refused("not-joint");
  const draft = draftOf(conf);
  for (const id of draft.learnersNext) draft.learners.add(id);
  draft.learnersNext.clear();
  draft.outgoing.clear();
  return finished(draft, false);
}

/** Whether `conf` is one that the functions above can make: sorted, disjoint where it must be, with voters. */
export function isMembership(conf: ConfState): boolean {
  const { voters, learners, votersOutgoing, learnersNext } = conf;
  const lists = [voters, learners, votersOutgoing, learnersNext];
  if (!lists.every(isAscending)) return false;
  if (learners.some((id) => isVoter(conf, id))) return false;
  if (learnersNext.some((id) => !votersOutgoing.includes(id) || voters.includes(id))) return false;
  if (votersOutgoing.length > 0) return voters.length > 0;
  return !conf.autoLeave && (voters.length > 0 || learners.length === 0);
}

interface Draft {
  readonly voters: Set<number>;
  readonly learners: Set<number>;
  readonly outgoing: Set<number>;
  readonly learnersNext: Set<number>;
}

function draftOf(conf: ConfState): Draft {
  return {
    voters: new Set(conf.voters),
    learners: new Set(conf.learners),
    outgoing: new Set(conf.votersOutgoing),
    learnersNext: new Set(conf.learnersNext),
  };
}

function takeSteps(draft: Draft, steps: readonly ConfChangeStep[]): void {
  for (const step of steps) {
    if (step.id !== 0) takeStep(draft, step);
  }
}

function takeStep(draft: Draft, { operation, id }: ConfChangeStep): void {
  switch (operation) {
    case "update":
      return;
    case "add-voter":
      strike(draft, id);
      draft.voters.add(id);
      return;
    case "add-learner":
      strike(draft, id);
      (draft.outgoing.has(id) ? draft.learnersNext : draft.learners).add(id);
      return;
    case "remove":
      strike(draft, id);
  }
}

function strike(draft: Draft, id: number): void {
  draft.voters.delete(id);
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
}

function finished(draft: Draft, autoLeave: boolean): MembershipResult {
  return {
    kind: "changed",
    confState: {
      voters: sorted(draft.voters),
      learners: sorted(draft.learners),
      votersOutgoing: sorted(draft.outgoing),
      learnersNext: sorted(draft.learnersNext),
      autoLeave,
    },
  };
}

function refused(why: MembershipError): MembershipResult {
  return { kind: "refused", why };
}

function sorted(ids: Iterable<number>): number[] {
  return [...ids].sort((a, b) => a - b);
}

function isAscending(ids: readonly number[]): boolean {
  return ids.every((id, i) => i === 0 || id > (ids[i - 1] ?? 0));
}
