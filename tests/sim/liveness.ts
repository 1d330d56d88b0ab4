/**
 * A group that can work does work (invariant 14): a quorum is mended and connected, everything else stays as broken as it
 * is for ever, and then a write must get through, everybody in the quorum must have it, and nothing may go round in
 * circles.
 *
 * Faults that always heal hide what waits for them to heal. So those who are left out do not go quiet: some are cut off,
 * some only hear, some only speak.
 *
 * @module
 */
import { isJoint, isMember } from "../../core/raft/membership.ts";
import type { ConfState } from "../../core/seams/log_store.ts";
import { Chance } from "./chance.ts";
import type { Faults } from "./faults.ts";
import type { Member } from "./member.ts";
import { hasQuorum, possibleMemberships } from "./outlook.ts";
import type { World } from "./world.ts";

/** A recovery may take so many election timeouts, … */
const ELECTION_TIMEOUTS_MAX = 60;
/** … so many ticks for a snapshot that was lost before (`SNAPSHOT_TICKS_MAX`), … */
const SNAPSHOT_TICKS = 700;
/** … and so many microseconds for disk calls that hang already. */
const STALLED_DISK_US = 60_000_000;
/** Terms that a recovery may use up. */
const TERMS_MAX = 40;
/** Messages per member and tick of a group that has nothing to do. */
const QUIET_MESSAGES_PER_TICK = 4;
const QUIET_TICKS = 100;

/** What a recovery took. */
export interface Recovery {
  readonly core: readonly number[];
  readonly tookUs: number;
  readonly terms: number;
}

/** Mends a quorum and waits for it to work. `undefined` after a violation. */
export function recover(world: World, faults: Faults): Recovery | undefined {
  const chance = Chance.stream(world.seed, "liveness");
  const core = chooseCore(world, chance);
  if (core === undefined) {
    world.oracle.violate(14, "no quorum is left that could be mended");
    return undefined;
  }
  const startUs = world.nowUs;
  const startTerm = newestTerm(world);
  faults.isOver = true;
  mend(world, core, chance);
  world.note(`core ${[...core]}`);
  if (chance.oneIn(2)) transferAway(world, core);
  const { tickUs, raft } = world.plan;
  const limitUs = tickUs * (ELECTION_TIMEOUTS_MAX * raft.electionTicks + SNAPSHOT_TICKS) + STALLED_DISK_US;
  const probe = new Probe(world, core, faults);
  while (!probe.isDone && world.nowUs < startUs + limitUs) {
    probe.look();
    world.runUntil(world.nowUs + tickUs * raft.electionTicks);
    if (world.oracle.violation) return undefined;
  }
  if (!probe.isDone) {
    world.oracle.violate(14, `core ${[...core]} does not recover within ${limitUs / 1e6} s: ${probe.problem}`);
    return undefined;
  }
  const terms = newestTerm(world) - startTerm;
  if (terms > TERMS_MAX) world.oracle.violate(14, `a recovery took ${terms} terms`);
  expectQuiet(world);
  return { core: [...core], tookUs: world.nowUs - startUs, terms };
}

/** As few as possible, so that as much as possible stays broken; sometimes everybody. */
function chooseCore(world: World, chance: Chance): Set<number> | undefined {
  const memberships = possibleMemberships(world);
  const usable = [...world.members.values()].filter(({ isUsable }) => isUsable).map(({ id }) => id);
  const core = new Set(usable);
  const isEnough = () => memberships.every((membership: ConfState) => hasQuorum(membership, (id) => core.has(id)));
  if (!isEnough()) return undefined;
  if (chance.oneIn(3)) return core;
  for (const id of usable.sort(() => chance.oneIn(2) ? 1 : -1)) {
    core.delete(id);
    if (!isEnough()) core.add(id);
  }
  return core;
}

function mend(world: World, core: ReadonlySet<number>, chance: Chance): void {
  const { network } = world;
  network.mendAll();
  network.isHealed = true;
  for (const member of world.members.values()) {
    if (core.has(member.id)) {
      member.disk.isHealed = true;
      member.disk.isFull = false;
      member.disk.crashAtCall(Infinity);
      member.pausedUntilUs = 0;
    } else leaveOut(world, member, core, chance);
  }
}

function leaveOut(world: World, member: Member, core: ReadonlySet<number>, chance: Chance): void {
  const fate = chance.oneOf("off", "deaf", "mute", "alone");
  if (fate === "off") member.ruin();
  for (const id of core) {
    if (fate !== "mute") world.network.setCut(id, member.id, true);
    if (fate !== "deaf") world.network.setCut(member.id, id, true);
  }
}

/** Leadership goes to somebody who cannot take it: that must end by itself. */
function transferAway(world: World, core: ReadonlySet<number>): void {
  const leader = world.leader();
  const heir = leader?.engine?.raw.membership.voters.find((id) => !core.has(id));
  if (heir !== undefined) leader?.process?.loop.withEngine((engine) => engine.transferLeader(heir));
}

/** Tries to write until it works, and looks whether everybody has got it. */
class Probe {
  readonly #world: World;
  readonly #core: ReadonlySet<number>;
  readonly #faults: Faults;
  #writtenIndex: number | undefined;
  problem = "nothing happened yet";
  isDone = false;

  constructor(world: World, core: ReadonlySet<number>, faults: Faults) {
    this.#world = world;
    this.#core = core;
    this.#faults = faults;
  }

  look(): void {
    for (const id of this.#core) {
      const member = this.#world.members.get(id);
      if (member?.state === "down") member.start();
    }
    const leader = this.#leader();
    if (leader === undefined) {
      this.problem = `no leader: ${this.#states()}`;
      return;
    }
    const { membership } = leader.engine?.raw ?? {};
    if (membership && isJoint(membership)) this.#faults.operator.leaveJoint(leader);
    if (this.#writtenIndex === undefined) return this.#write(leader);
    const behind = [...this.#core].filter((id) =>
      membership && isMember(membership, id) && this.#appliedAt(id) < (this.#writtenIndex ?? 0)
    );
    this.problem = `${behind} do not catch up with ${this.#writtenIndex}: ${this.#states()}`;
    if (membership && isJoint(membership)) this.problem = `still joint: ${JSON.stringify(membership)}`;
    else if (behind.length === 0) this.isDone = true;
  }

  #write(leader: Member): void {
    const { fsm } = this.#world;
    this.problem = `a write at ${leader.id} does not get through: ${this.#states()}`;
    const data = fsm.encode({ kind: "swap", key: PROBE_KEY, value: 1 }, 0);
    leader.process?.loop.propose(data).then(() => {
      this.#writtenIndex = leader.process?.machine.appliedIndex ?? 0;
    }, (error: unknown) => this.problem = `a write at ${leader.id}: ${error}`);
  }

  #leader(): Member | undefined {
    const leader = this.#world.leader();
    return leader && this.#core.has(leader.id) ? leader : undefined;
  }

  #appliedAt(id: number): number {
    return this.#world.members.get(id)?.process?.machine.appliedIndex ?? 0;
  }

  #states(): string {
    return [...this.#core].map((id) => {
      const member = this.#world.members.get(id);
      const raw = member?.engine?.raw;
      return `${id} ${member?.state} ${raw?.role.kind} term ${raw?.term} commit ${raw?.log.committed} last ${raw?.log.lastIndex()}`;
    }).join("; ");
  }
}

const PROBE_KEY = 999_999;

/** With nothing to do, members send heartbeats and ask for votes that they do not get, and nothing else. */
function expectQuiet(world: World): void {
  const { tickUs } = world.plan;
  world.runUntil(world.nowUs + QUIET_TICKS * tickUs);
  const before = world.network.sentCount;
  world.runUntil(world.nowUs + QUIET_TICKS * tickUs);
  const count = world.network.sentCount - before;
  const limit = QUIET_MESSAGES_PER_TICK * QUIET_TICKS * world.members.size;
  if (count > limit) world.oracle.violate(13, `${count} messages in ${QUIET_TICKS} quiet ticks, allowed are ${limit}`);
}

function newestTerm(world: World): number {
  return Math.max(0, ...[...world.members.values()].map(({ shadow }) => shadow.issuedHard.term));
}
