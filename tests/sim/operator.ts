/**
 * Somebody who changes the membership all the time: adds learners, promotes, demotes and removes, replaces two voters at
 * once, repeats what was done already, whoever leads and whatever else goes on.
 *
 * The one thing it does not do is to give majorities to members whose disks are gone.
 *
 * @module
 */
import {
  type MembershipStep,
  nextMembershipStep,
  presentGroup,
  type WantedMember,
} from "../../core/node/membership.ts";
import {
  type ConfChange,
  confChange,
  type ConfChangeOperation,
  type ConfChangeStep,
  type ConfChangeTransition,
  LEAVE_JOINT,
} from "../../core/raft/conf_change.ts";
import { isJoint, isMember, memberIds } from "../../core/raft/membership.ts";
import type { ConfState } from "../../core/seams/log_store.ts";
import { Chance } from "./chance.ts";
import type { Member } from "./member.ts";
import { hasQuorum, outcome, possibleMemberships } from "./outlook.ts";
import type { World } from "./world.ts";

const OPERATIONS: Readonly<Record<Exclude<MembershipStep["kind"], "hand-over">, ConfChangeOperation>> = {
  "add-learner": "add-learner",
  "promote": "add-voter",
  "demote": "add-learner",
  "remove": "remove",
};
/** Ids that one run may use up. */
const IDS_MAX = 14;
/** Members that run at once. */
const RUNNING_MAX = 7;
/** A learner at most so many entries behind has caught up, as in `core/node/membership.ts`. */
const CAUGHT_UP_ENTRIES = 64;

/** See the module. */
export class Operator {
  readonly #world: World;
  readonly #chance: Chance;
  #last: ConfChange | undefined;
  #wanted: readonly WantedMember[] = [];
  /** Changes that a leader took into its log. */
  changesCount = 0;

  constructor(world: World) {
    this.#world = world;
    this.#chance = Chance.stream(world.seed, "operator");
  }

  /** Asks for one more change. Returns what. */
  act(): string {
    const leader = this.#world.leader();
    const engine = leader?.engine;
    if (leader === undefined || engine === undefined) return "nobody leads";
    const { membership } = engine.raw;
    const change = this.#chance.oneIn(3) ? this.#approach(leader) : this.#choose(leader, membership);
    if (change === undefined) return "nothing to change";
    this.#last = change;
    return this.propose(leader, change);
  }

  /** Leaves an explicit joint membership. */
  leaveJoint(leader: Member): void {
    this.propose(leader, LEAVE_JOINT);
  }

  /** Takes members out of service that nobody will ever ask again. */
  reap(): void {
    const { members, oracle } = this.#world;
    const memberships = possibleMemberships(this.#world);
    const wasMember = (id: number) => [...oracle.memberships.values()].some((membership) => isMember(membership, id));
    for (const member of members.values()) {
      if (member.state === "ruined" || !wasMember(member.id) || !this.#chance.oneIn(3)) continue;
      if (!memberships.some((membership) => isMember(membership, member.id))) member.ruin();
    }
  }

  /** Proposes `change` at `leader`, if the group can live with it. */
  propose(leader: Member, change: ConfChange): string {
    const { process } = leader;
    const text = `${change.transition} ${
      change.steps.map(({ operation, id }) => `${operation} ${id}`).join(", ") || "leave"
    }`;
    if (process === undefined) return text;
    const works = (id: number) => this.#world.members.get(id)?.isUsable === true;
    const after = outcome(process.engine.raw.membership, change);
    if (!after.every((membership) => hasQuorum(membership, works))) return `too risky: ${text}`;
    const result = process.loop.withEngine((engine) => engine.proposeConfChange(change));
    if (result.kind === "appended") this.changesCount++;
    return `${text}: ${result.kind}`;
  }

  /** One step towards a membership that somebody wants, as the product's reconciler makes it. */
  #approach(leader: Member): ConfChange | undefined {
    const status = leader.engine?.status();
    if (status === undefined || isJoint(status.membership)) return undefined;
    if (this.#wanted.length === 0 || this.#chance.oneIn(6)) this.#wanted = this.#someMembers();
    // Also somebody who was told nothing may go: an operator may be in a hurry.
    const step = nextMembershipStep(this.#wanted, presentGroup(status));
    if (step?.kind === "hand-over") {
      if (status.transferee === 0) leader.process?.loop.withEngine((engine) => engine.transferLeader(step.raftId));
      return undefined;
    }
    return step && confChange([{ operation: OPERATIONS[step.kind], id: step.raftId }]);
  }

  /** Members that are there, most of them voters. */
  #someMembers(): WantedMember[] {
    const usable = [...this.#world.members.values()].filter(({ isUsable }) => isUsable);
    const wanted = usable.filter(() => !this.#chance.oneIn(4)).map(({ id }) => ({
      raftId: id,
      mayVote: !this.#chance.oneIn(4),
    }));
    return wanted.some(({ mayVote }) => mayVote) ? wanted : [];
  }

  #choose(leader: Member, membership: ConfState): ConfChange | undefined {
    const chance = this.#chance;
    if (isJoint(membership) && !membership.autoLeave && !chance.oneIn(4)) return LEAVE_JOINT;
    if (this.#last && chance.oneIn(8)) return this.#last;
    const { voters, learners } = membership;
    const ready = learners.filter((id) => hasCaughtUp(leader, id));
    const dead = memberIds(membership).filter((id) => this.#world.members.get(id)?.state === "ruined");
    if (dead.length > 0 && chance.oneIn(2)) return this.#step("remove", chance.pick(dead));
    switch (chance.below(8)) {
      case 0:
      case 1:
        return this.#step("add-learner", this.#newcomer());
      case 2:
      case 3:
        return this.#step("add-voter", chance.pick(ready) ?? (voters.length < 2 ? this.#newcomer() : undefined));
      case 4:
        return voters.length > 2 ? this.#step("add-learner", chance.pick(voters)) : undefined;
      case 5:
        return voters.length > 2 || chance.oneIn(4)
          ? this.#step("remove", chance.pick([...voters, ...learners, leader.id]))
          : undefined;
      case 6:
        return this.#replaceTwo(voters, ready);
      default:
        return this.#step("update", leader.id);
    }
  }

  #step(operation: ConfChangeOperation, id: number | undefined): ConfChange | undefined {
    if (id === undefined) return undefined;
    const transition: ConfChangeTransition = this.#chance.oneOf("auto", "auto", "auto", "implicit", "explicit");
    return confChange([{ operation, id }], transition);
  }

  /** Two come, two go, through a joint membership. */
  #replaceTwo(voters: readonly number[], ready: readonly number[]): ConfChange | undefined {
    const chance = this.#chance;
    const going = [...voters].sort(() => chance.oneIn(2) ? 1 : -1).slice(0, 2);
    const coming = ready.length >= 2 ? ready.slice(0, 2) : [this.#newcomer(), this.#newcomer()];
    const steps: ConfChangeStep[] = [
      ...going.map((id) => ({ operation: chance.oneOf<ConfChangeOperation>("remove", "add-learner"), id })),
      ...coming.flatMap((id) => id === undefined ? [] : [{ operation: "add-voter" as const, id }]),
    ];
    return steps.length < 2 ? undefined : confChange(steps, chance.oneOf("auto", "implicit", "explicit"));
  }

  #newcomer(): number | undefined {
    const { members } = this.#world;
    const running = [...members.values()].filter(({ state }) => state !== "ruined");
    if (members.size >= IDS_MAX || running.length >= RUNNING_MAX) return undefined;
    return this.#world.join().id;
  }
}

function hasCaughtUp(leader: Member, id: number): boolean {
  const raw = leader.engine?.raw;
  const progress = raw?.role.kind === "leader" ? raw.role.peers.get(id) : undefined;
  if (raw === undefined || progress === undefined) return false;
  return progress.recentlyActive && progress.match > 0 && progress.match + CAUGHT_UP_ENTRIES >= raw.log.lastIndex();
}
