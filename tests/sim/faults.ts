/**
 * Everything that goes wrong in a run, at random times, as often as the plan says.
 *
 * A disk is damaged or lost only if the group could do without its member for ever: then whatever fails afterwards is a
 * fault of the program.
 *
 * @module
 */
import { Chance } from "./chance.ts";
import type { Member } from "./member.ts";
import { Operator } from "./operator.ts";
import { canLose } from "./outlook.ts";
import type { FaultWeights, Plan } from "./plan.ts";
import type { World, WorldListener } from "./world.ts";

type FaultName = keyof FaultWeights;

const MS = 1000;
const SECOND = 1000 * MS;

/** See the module. */
export class Faults implements WorldListener {
  readonly operator: Operator;
  /** How often each happened. */
  readonly counts = new Map<FaultName, number>();
  readonly #world: World;
  readonly #plan: Plan;
  readonly #chance: Chance;
  readonly #names: readonly FaultName[];
  readonly #sum: number;
  isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.#plan = world.plan;
    this.#chance = Chance.stream(world.seed, "faults");
    this.operator = new Operator(world);
    this.#names = Object.keys(FAULTS).filter(isFaultName);
    this.#sum = this.#names.reduce((sum, name) => sum + this.#plan.weights[name], 0);
  }

  /** Starts to make trouble. */
  start(): void {
    this.#world.listener = this;
    if (this.#sum > 0) this.#again();
  }

  /** See {@linkcode WorldListener}. */
  changed(): void {}

  /** See {@linkcode WorldListener}. */
  ended(member: Member): void {
    this.restartLater(member);
  }

  /** Lets `member` come back after a while. */
  restartLater(member: Member): void {
    this.#world.later(this.#chance.exponential(this.#plan.downMeanUs), "restart", () => member.start(), member.id);
  }

  /** Lets something happen unless the trouble is over by then. */
  later(delayUs: number, what: string, act: (world: World) => void): void {
    this.#world.later(delayUs, what, () => {
      if (!this.isOver) act(this.#world);
    });
  }

  #again(): void {
    const name = this.#draw();
    this.#world.later(this.#chance.exponential(this.#plan.faultMeanUs), "fault", () => {
      if (this.isOver) return;
      this.#again();
      const what = FAULTS[name]({
        world: this.#world,
        chance: this.#chance,
        faults: this,
        victim: this.#victim(),
        someUs: this.#someUs(),
      });
      if (what === undefined) return;
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
      this.#world.note(`${name}: ${what}`);
    });
  }

  #draw(): FaultName {
    let at = this.#chance.unit() * this.#sum;
    for (const name of this.#names) {
      at -= this.#plan.weights[name];
      if (at < 0) return name;
    }
    return "heal";
  }

  /** Often the leader: that is where it hurts. */
  #victim(): Member {
    const { members } = this.#world;
    const leader = this.#chance.oneIn(3) ? this.#world.leader() : undefined;
    const member = leader ?? members.get(1 + this.#chance.below(members.size));
    if (member === undefined) throw new Error("a world has members");
    return member;
  }

  /** From a moment to many election timeouts. */
  #someUs(): number {
    const { tickUs, raft } = this.#plan;
    return this.#chance.exponential(tickUs * raft.electionTicks * this.#chance.oneOf(0.1, 1, 5));
  }
}

/** What a fault has to work with. */
interface Scene {
  readonly world: World;
  readonly chance: Chance;
  readonly faults: Faults;
  readonly victim: Member;
  readonly someUs: number;
}

/** Does it, and says what it did; `undefined` if there was nothing to do it to. */
type Fault = (scene: Scene) => string | undefined;

const FAULTS: Readonly<Record<FaultName, Fault>> = {
  power: (scene) => crash(scene, true),
  kill: (scene) => crash(scene, false),
  powerAll: ({ world, faults }) => {
    for (const member of world.members.values()) {
      if (member.state === "ruined" || member.state === "down") continue;
      member.crash(true);
      faults.restartLater(member);
    }
    return "all";
  },
  crashAtDiskCall: ({ victim, chance }) => {
    const count = chance.between(1, chance.oneOf(4, 40));
    victim.disk.crashAtCall(count);
    return `${victim.id} at call ${count}`;
  },
  stop: ({ victim }) => {
    if (victim.state !== "up") return undefined;
    victim.stop();
    return `${victim.id}`;
  },
  pause: ({ world, victim, someUs }) => {
    victim.pausedUntilUs = world.nowUs + someUs;
    return `${victim.id} for ${someUs / MS} ms`;
  },
  partition,
  heal: ({ world }) => {
    world.network.mendAll();
    return "all links";
  },
  clog: ({ world, chance, someUs }) => {
    const [from, to] = twoIds(world, chance);
    world.network.clog(from, to, world.nowUs + someUs);
    return `${from} to ${to} for ${someUs / MS} ms`;
  },
  swizzle,
  replay: ({ world, chance }) => {
    const count = chance.between(1, 5);
    for (let i = 0; i < count; i++) world.network.replay();
    return `${count} packets`;
  },
  unreachable: ({ world, chance, victim }) => {
    const to = 1 + chance.below(world.members.size);
    victim.unreachable(to);
    return `${to} for ${victim.id}`;
  },
  diskFull: ({ world, victim, someUs }) => {
    victim.disk.isFull = true;
    world.later(someUs, "room on disk", () => victim.disk.isFull = false, victim.id);
    return `${victim.id} for ${someUs / MS} ms`;
  },
  rot: ({ world, faults, victim, chance }) => {
    if (victim.state === "ruined" || victim.state === "starting" || !canLose(world, victim.id)) return undefined;
    victim.crash(chance.oneIn(2));
    victim.isRotten = true;
    const what = victim.disk.rot();
    faults.restartLater(victim);
    return what && `${victim.id}: ${what}`;
  },
  wipe: ({ world, victim }) => {
    if (victim.state === "ruined" || !canLose(world, victim.id)) return undefined;
    victim.ruin();
    return `${victim.id}`;
  },
  transfer: ({ world, chance, victim }) => {
    const to = 1 + chance.below(world.members.size);
    const refusal = victim.process?.loop.withEngine((engine) => engine.transferLeader(to));
    return `${victim.id} to ${to}${refusal ? `: ${refusal}` : ""}`;
  },
  forget: ({ victim }) => {
    victim.process?.loop.withEngine((engine) => engine.forgetLeader());
    return `${victim.id}`;
  },
  campaign: ({ victim }) => {
    victim.process?.loop.withEngine((engine) => engine.campaign());
    return `${victim.id}`;
  },
  clock: ({ world, chance, victim }) => {
    const { drift, wallSkewUs } = world.plan;
    victim.rate = 1 + drift * (2 * chance.unit() - 1);
    victim.wallOffsetUs = Math.round(wallSkewUs * (2 * chance.unit() - 1));
    return `${victim.id} runs at ${victim.rate}, off by ${victim.wallOffsetUs / SECOND} s`;
  },
  membership: ({ faults }) => {
    faults.operator.reap();
    return faults.operator.act();
  },
};

function isFaultName(name: string): name is FaultName {
  return name in FAULTS;
}

function crash({ world, victim, faults }: Scene, power: boolean): string | undefined {
  if (victim.state === "down" || victim.state === "ruined") return undefined;
  const garbage = power && canLose(world, victim.id) ? world.plan.disk.garbage : 0;
  victim.isRotten ||= garbage > 0;
  victim.crash(power, garbage);
  faults.restartLater(victim);
  return `${victim.id}${garbage > 0 ? ", perhaps with garbage" : ""}`;
}

/** Cuts links in one of the shapes that are known to hurt. */
function partition(scene: Scene): string {
  const { chance, someUs, faults } = scene;
  if (!chance.oneIn(6)) faults.later(someUs, "heal", ({ network }) => network.mendAll());
  return cutLinks(scene);
}

function cutLinks({ world, chance, victim }: Scene): string {
  const ids = [...world.members.keys()];
  const { network } = world;
  const cut = (from: number, to: number) => network.setCut(from, to, true);
  const one = victim.id;
  switch (chance.below(6)) {
    case 0:
      for (const id of ids) if (id !== one) [cut(id, one), cut(one, id)];
      return `${one} alone`;
    case 1:
      for (const id of ids) if (id !== one) cut(id, one);
      return `${one} hears nobody`;
    case 2:
      for (const id of ids) if (id !== one) cut(one, id);
      return `nobody hears ${one}`;
    case 3: {
      const half = new Set(ids.filter(() => chance.oneIn(2)));
      for (const a of ids) for (const b of ids) if (half.has(a) !== half.has(b)) cut(a, b);
      return `${[...half]} from the rest`;
    }
    case 4:
      // Everybody reaches `one`, and nobody else.
      for (const a of ids) for (const b of ids) if (a !== b && a !== one && b !== one) cut(a, b);
      return `only through ${one}`;
    default:
      for (const a of ids) for (const b of ids) if (a !== b && chance.oneIn(3)) cut(a, b);
      return "some links";
  }
}

/** Clogs links one by one and lets them go in another order. */
function swizzle({ world, chance, someUs, faults }: Scene): string {
  const ids = [...world.members.keys()];
  let count = 0;
  for (const a of ids) {
    for (const b of ids) {
      if (a === b || chance.oneIn(2)) continue;
      count++;
      const startUs = chance.below(someUs + 1);
      const endUs = startUs + chance.below(someUs + 1);
      faults.later(startUs, "clog", ({ network, nowUs }) => network.clog(a, b, nowUs + endUs - startUs));
    }
  }
  return `${count} links`;
}

function twoIds(world: World, chance: Chance): [number, number] {
  const from = 1 + chance.below(world.members.size);
  return [from, 1 + chance.below(world.members.size)];
}
