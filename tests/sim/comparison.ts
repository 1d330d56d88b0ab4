/**
 * Replicas compare their states, as `core/node/replica_guard.ts` lets them: now and then somebody asks for a checkpoint, every
 * member hashes its state as of it, some time later says in the log what it found, and looks at what the others have said.
 * A replica that differs, or a quarrel, is a violation: nothing here damages a state.
 *
 * @module
 */
import { encodeCheckpoint, encodeClaim } from "../../core/state/codec.ts";
import { Chance } from "./chance.ts";
import type { Member, Process } from "./member.ts";
import type { World } from "./world.ts";

/** Ticks between two checkpoints, on average. */
const CHECKPOINT_TICKS = 60;
/** Ticks until some member looks again, on average. */
const LOOK_TICKS = 3;

/** See the module. Does nothing where the state machine cannot compare. */
export class Comparison {
  readonly #world: World;
  readonly #chance: Chance;
  /** The checkpoint that a process has spoken of last. */
  readonly #claimed = new WeakMap<Process, number>();
  isStopped = false;
  /** How often a replica found that it agrees with the majority. */
  agreedCount = 0;

  constructor(world: World) {
    this.#world = world;
    this.#chance = Chance.stream(world.seed, "comparison");
  }

  /** Begins to ask and to look. */
  start(): void {
    if (!this.#world.fsm.hasSessions) return;
    this.#every(CHECKPOINT_TICKS, "checkpoint", ({ loop }) => loop.offer(encodeCheckpoint()));
    this.#every(LOOK_TICKS, "comparison", (running, member) => this.#look(running, member));
  }

  /** Picks a member again and again, and does something there if it runs. */
  #every(meanTicks: number, what: string, act: (running: Process, member: Member) => void): void {
    const { plan, members } = this.#world;
    this.#world.later(this.#chance.exponential(meanTicks * plan.tickUs), what, () => {
      if (this.isStopped) return;
      this.#every(meanTicks, what, act);
      const member = members.get(1 + this.#chance.below(members.size));
      if (member?.process) act(member.process, member);
    });
  }

  #look(running: Process, { id }: Member): void {
    const { machine: { check }, loop, engine } = running;
    if (!check) return;
    while (check.isBusy) check.step();
    const { result } = check;
    if (!result) return;
    if (result.index > (this.#claimed.get(running) ?? 0) && !check.hasClaim(result.index, id)) {
      this.#claimed.set(running, result.index);
      loop.offer(encodeClaim({ ...result, member: id }));
    }
    const verdict = check.verdict(engine.status().membership.voters);
    if (verdict.kind === "agrees") this.agreedCount++;
    else if (verdict.kind !== "unknown") this.#world.oracle.violate(11, `${id} finds ${JSON.stringify(verdict)}`);
  }
}
