/**
 * A small group under full control, for scenarios: nothing goes wrong but what the scenario does.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ConfChange } from "../../core/raft/conf_change.ts";
import type { PeerMessage } from "../../core/raft/message.ts";
import { type Fsm, MAP_FSM } from "./machine.ts";
import type { Member, Process } from "./member.ts";
import { outsideMicrotasks } from "./microtasks.ts";
import { calmPlan, type Plan } from "./plan.ts";
import { World } from "./world.ts";

const MS = 1000;
/** Lines of the trace that a failure shows. */
const TRACE_LINES = 30;
/** Longer than anything takes that is going to happen. */
const PATIENCE_MS = 60_000;

/** What a client waits for. */
export interface Answer {
  result: number | undefined;
  error: unknown;
  /** True once there is one or the other. */
  isThere: boolean;
}

/** Settings of a {@linkcode scenario}. */
export interface LabOptions {
  readonly voters: number;
  readonly plan?: Partial<Plan>;
  readonly fsm?: Fsm;
  readonly seed?: number;
}

/** Registers a test that plays `play`; the oracle watches all the time. */
export function scenario(name: string, options: LabOptions, play: (lab: Lab) => void): void {
  Deno.test(name, async () => await playScenario(options, play));
}

/** Plays `play` once. */
export async function playScenario(options: LabOptions, play: (lab: Lab) => void): Promise<void> {
  await outsideMicrotasks(() => {
    const lab = new Lab(options);
    try {
      play(lab);
    } catch (error) {
      throw new Error(lab.world.trace.lines().slice(-TRACE_LINES).join("\n"), { cause: error });
    }
    assert.equal(lab.world.oracle.violation, undefined);
  });
}

/** See the module. */
export class Lab {
  readonly world: World;
  #held: PeerMessage[] = [];

  constructor({ voters, plan = {}, fsm = MAP_FSM, seed = 1 }: LabOptions) {
    this.world = new World({ seed, plan: calmPlan(voters, plan), fsm });
  }

  /** The member `id`, which there is. */
  member(id: number): Member {
    const member = this.world.members.get(id);
    assert(member, `member ${id}`);
    return member;
  }

  /** The process of `id`, which runs. */
  process(id: number): Process {
    const { process } = this.member(id);
    assert(process, `member ${id} is up`);
    return process;
  }

  /** Lets time pass. */
  run(ms: number): void {
    this.world.runUntil(this.world.nowUs + ms * MS);
    this.#expectHealth();
  }

  /** Lets time pass until `condition` holds. */
  until(what: string, condition: () => boolean): void {
    const endUs = this.world.nowUs + PATIENCE_MS * MS;
    while (!condition()) {
      assert(this.world.step(), `${what}: ${this.world.oracle.violation?.message ?? "nothing happens any more"}`);
      assert(this.world.nowUs < endUs, `${what}: not within ${PATIENCE_MS} ms`);
    }
    this.#expectHealth();
  }

  /** Lets `id` lead: whoever leads hands over, and everybody else forgets whom it followed. */
  elect(id: number): void {
    this.until(`${id} is up`, () => this.member(id).state === "up");
    const endUs = this.world.nowUs + PATIENCE_MS * MS;
    while (!this.leads(id)) {
      assert(this.world.nowUs < endUs, `${id} leads: not within ${PATIENCE_MS} ms`);
      for (const { process, id: other } of this.world.members.values()) {
        process?.loop.withEngine(() => {
          const { engine } = process;
          if (other !== id) {
            return engine.raw.role.kind === "leader" ? engine.transferLeader(id) : engine.forgetLeader();
          }
          return engine.forgetLeader() ?? engine.campaign();
        });
      }
      this.run(20);
    }
  }

  /** Waits for somebody among `ids` to lead the newest term and to have committed in it. Returns who. */
  leaderAmong(...ids: readonly number[]): number {
    const settled = () => {
      const id = this.world.leader()?.id ?? 0;
      return ids.includes(id) && this.hasCommittedInTerm(id) ? id : undefined;
    };
    this.until(`one of ${ids} leads`, () => settled() !== undefined);
    return settled() ?? 0;
  }

  leads(id: number): boolean {
    return this.role(id) === "leader";
  }

  role(id: number): string | undefined {
    return this.member(id).engine?.raw.role.kind;
  }

  /** Whether `id` knows a committed entry of its own term. */
  hasCommittedInTerm(id: number): boolean {
    const raw = this.process(id).engine.raw;
    return raw.log.term(raw.log.committed) === raw.term;
  }

  /** Waits until all of `ids` have applied what is committed. */
  settle(...ids: readonly number[]): void {
    const { oracle } = this.world;
    this.until(
      `${ids} apply everything`,
      () => ids.every((id) => this.member(id).process?.machine.appliedIndex === oracle.maxCommitted),
    );
  }

  /** Cuts `ids` off from everybody else, both ways. */
  isolate(...ids: readonly number[]): void {
    for (const a of this.world.members.keys()) {
      for (const b of this.world.members.keys()) if (ids.includes(a) !== ids.includes(b)) this.cut(a, b);
    }
  }

  /** Cuts one way. */
  cut(from: number, to: number): void {
    this.world.network.setCut(from, to, true);
  }

  /** Mends all ways. */
  mend(): void {
    this.world.network.mendAll();
  }

  /** Keeps back what `filter` chooses until {@linkcode Lab.release}; nothing else is lost. */
  hold(filter: (message: PeerMessage) => boolean): void {
    this.world.network.intercept = (message) => {
      if (!filter(message)) return "pass";
      this.#held.push(message);
      return "drop";
    };
  }

  /** Messages kept back so far. */
  get held(): readonly PeerMessage[] {
    return this.#held;
  }

  /** Lets `messages` arrive, all that were kept back if not told otherwise, and keeps back no more. */
  release(messages: readonly PeerMessage[] = this.#held): void {
    this.world.network.intercept = () => "pass";
    for (const message of messages) this.world.deliverAfter(0, message);
    this.#held = [];
  }

  /** A client writes at `id`. */
  write(id: number, key: number, value: number): Answer {
    const { fsm } = this.world;
    const operation = { kind: "swap", key, value } as const;
    return answer(
      this.process(id).loop.propose(fsm.encode(operation, 0)).then((response) => fsm.result(response, operation)),
    );
  }

  /** A client writes at `id`, and it works. */
  written(id: number, key: number, value: number): void {
    const answer = this.write(id, key, value);
    this.until(`the write of ${key} at ${id}`, () => answer.isThere);
    assert.equal(answer.error, undefined);
  }

  /** A client reads at `id`, and must see everything. */
  read(id: number, key: number): Answer {
    const { loop, machine } = this.process(id);
    return answer(loop.linearizable().then(() => machine.lookup(key)));
  }

  /** Asks `id` for a membership change. Returns what became of the proposal. */
  change(id: number, change: ConfChange): string {
    return this.process(id).loop.withEngine((engine) => engine.proposeConfChange(change)).kind;
  }

  /** Ends `id`'s process, with or without its system. */
  crash(id: number, power = true): void {
    this.member(id).crash(power);
  }

  /** Starts `id` and waits until it is up. */
  restart(id: number): void {
    this.member(id).start();
    this.until(`${id} is up`, () => this.member(id).state === "up");
  }

  /** A group of `ids` takes a write and brings it to all of them. */
  expectWork(...ids: readonly number[]): void {
    const leader = this.leaderAmong(...ids);
    this.written(leader, 77, 1 + this.world.nowUs);
    this.settle(...ids);
  }

  #expectHealth(): void {
    assert.equal(this.world.oracle.violation, undefined);
  }
}

function answer(promise: Promise<number | undefined>): Answer {
  const answer: Answer = { result: undefined, error: undefined, isThere: false };
  promise.then((result) => Object.assign(answer, { result, isThere: true }), (error: unknown) => {
    Object.assign(answer, { error, isThere: true });
  });
  return answer;
}
