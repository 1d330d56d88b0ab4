/**
 * The world of one run: virtual time, the queue of what happens next, the members and the network between them.
 *
 * One event at a time: it fires, all promise reactions that it causes run, and the oracle looks at the member that it was
 * about. Nothing else happens, so a run follows from its seed and its plan.
 *
 * @module
 */
import type { PeerMessage } from "../../core/raft/message.ts";
import type { ConfState, Snapshot } from "../../core/seams/log_store.ts";
import { Chance } from "./chance.ts";
import { EventQueue, type Timed } from "./event_queue.ts";
import { type Fsm, MAP_FSM, type SimMachine } from "./machine.ts";
import { type Makers, Member, type MemberHost, PRODUCT } from "./member.ts";
import { drainMicrotasks } from "./microtasks.ts";
import { Network, type NetworkHost } from "./network.ts";
import { Oracle } from "./oracle.ts";
import type { Plan } from "./plan.ts";
import { Trace } from "./trace.ts";

/** More events in waiting than this mean that something feeds itself. */
const QUEUE_MAX = 50_000;
/** More events at one moment than this mean the same. */
const EVENTS_PER_MOMENT_MAX = 5_000;
/** The engine checks itself after every so many events. */
const SELF_CHECK_EVENTS = 32;

const ROLE_NUMBERS = { "follower": 0, "pre-candidate": 1, "candidate": 2, "leader": 3 } as const;
const NOT_RUNNING = [4, 0, 0, 0, 0, 0, 0];

interface SimEvent extends Timed {
  readonly member: Member | undefined;
  readonly epoch: number;
  readonly what: string;
  readonly detail: unknown;
  readonly fire: () => void;
}

/** Who listens to the world. */
export interface WorldListener {
  changed(member: Member): void;
  ended(member: Member, why: string): void;
}

/** What a world is made of. */
export interface WorldOptions {
  readonly seed: number;
  readonly plan: Plan;
  readonly fsm?: Fsm;
  readonly makers?: Makers;
  /** Lines of the trace to keep. */
  readonly traceLines?: number | undefined;
}

/** See the module. */
export class World implements MemberHost, NetworkHost {
  readonly seed: number;
  readonly plan: Plan;
  readonly fsm: Fsm;
  readonly makers: Makers;
  readonly oracle = new Oracle();
  readonly trace: Trace;
  readonly network: Network;
  /** By id; nobody is ever taken out. */
  readonly members = new Map<number, Member>();
  listener: WorldListener | undefined;
  #nowUs = 0;
  #order = 0;
  #eventsAtMoment = 0;
  /** What the trace says of a member; see `STATE_FIELDS`. */
  readonly #state = [0, 0, 0, 0, 0, 0, 0];
  readonly #queue = new EventQueue<SimEvent>();
  readonly #founding: Snapshot;

  constructor({ seed, plan, fsm = MAP_FSM, makers = PRODUCT, traceLines }: WorldOptions) {
    this.trace = new Trace(traceLines);
    this.seed = seed;
    this.plan = plan;
    this.fsm = fsm;
    this.makers = makers;
    this.network = new Network(this, plan.network, Chance.stream(seed, "network"));
    const voters = Array.from({ length: plan.voters }, (_, i) => i + 1);
    using machine = fsm.found();
    this.#founding = foundingSnapshot(machine, voters);
    this.oracle.found(this.#founding.meta, machine.fingerprint);
    for (const id of voters) this.#add(id, this.#founding).start();
  }

  /** Virtual time in microseconds. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** Events so far. */
  get eventsCount(): number {
    return this.trace.count;
  }

  /** A number that grows with every call: the order of what clients see. */
  nextOrder(): number {
    return ++this.#order;
  }

  /** Adds a member with an empty disk under a new id, and starts it. */
  join(): Member {
    const member = this.#add(this.members.size + 1, undefined);
    member.start();
    return member;
  }

  /** Lets something happen that is about no member. */
  later(delayUs: number, what: string, fire: () => void, detail?: unknown): void {
    this.#push(delayUs, undefined, what, detail, fire);
  }

  /** See {@linkcode MemberHost}. */
  after(delayUs: number, member: Member, what: string, detail: unknown, fire: () => void): void {
    this.#push(delayUs, member, what, detail, fire);
  }

  /** See {@linkcode MemberHost}. */
  send(message: PeerMessage): void {
    this.network.send(message);
  }

  /** See {@linkcode MemberHost}. */
  changed(member: Member): void {
    this.listener?.changed(member);
  }

  /** See {@linkcode MemberHost}. */
  ended(member: Member, why: string): void {
    this.listener?.ended(member, why);
  }

  /** See {@linkcode NetworkHost}. */
  deliverAfter(delayUs: number, message: PeerMessage): void {
    const to = this.members.get(message.to);
    // The address outlives the process: who is up when it arrives gets it.
    if (to) this.later(delayUs, "arrive", () => this.#arrive(to, message), message);
  }

  /** See {@linkcode NetworkHost}. */
  tellLossAfter(delayUs: number, from: number, to: number): void {
    const member = this.members.get(from);
    if (member) this.after(delayUs, member, "unreachable", to, () => member.unreachable(to));
  }

  /** Writes something into the trace. */
  note(text: string): void {
    this.trace.add(this.#nowUs, 0, "note", text);
  }

  /** The next event. False if there is none, or something is wrong. */
  step(): boolean {
    if (this.oracle.violation) return false;
    const event = this.#queue.pop();
    if (event === undefined) return false;
    const { member } = event;
    if (member !== undefined && !this.#isDue(event, member)) return true;
    if (event.atUs !== this.#nowUs) {
      this.#nowUs = event.atUs;
      this.#eventsAtMoment = 0;
    } else if (++this.#eventsAtMoment > EVENTS_PER_MOMENT_MAX) {
      this.oracle.violate(13, `more than ${EVENTS_PER_MOMENT_MAX} events at one moment`);
    }
    event.fire();
    drainMicrotasks();
    this.#look(event);
    return this.oracle.violation === undefined;
  }

  /** Plays events until `atUs`. */
  runUntil(atUs: number): void {
    let isOver = false;
    this.later(atUs - this.#nowUs, "until", () => isOver = true);
    while (!isOver && this.step());
  }

  /** Who leads the newest term, as far as running members know of themselves. */
  leader(): Member | undefined {
    let found: Member | undefined;
    for (const member of this.members.values()) {
      const raw = member.engine?.raw;
      if (raw?.role.kind === "leader" && raw.term > (found?.engine?.raw.term ?? -1)) found = member;
    }
    return found;
  }

  #add(id: number, founding: Snapshot | undefined): Member {
    const member = new Member(id, this, this.seed, founding);
    const chance = Chance.stream(this.seed, `clock ${id}`);
    member.rate = 1 + this.plan.drift * (2 * chance.unit() - 1);
    member.wallOffsetUs = Math.round(this.plan.wallSkewUs * (2 * chance.unit() - 1));
    this.members.set(id, member);
    return member;
  }

  #arrive(to: Member, message: PeerMessage): void {
    if (to.pausedUntilUs > this.#nowUs) {
      return this.after(to.pausedUntilUs - this.#nowUs, to, "receive", message, () => to.receive(message));
    }
    to.receive(message);
    this.#touched = to;
  }

  /** The member that the event turned out to be about. */
  #touched: Member | undefined;

  #push(delayUs: number, member: Member | undefined, what: string, detail: unknown, fire: () => void): void {
    if (this.#queue.size > QUEUE_MAX) this.oracle.violate(13, `more than ${QUEUE_MAX} events wait`);
    this.#queue.push({ atUs: this.#nowUs + delayUs, seq: 0, member, epoch: member?.epoch ?? 0, what, detail, fire });
  }

  /** Whether the process that waits for the event still runs, and is not held up. */
  #isDue(event: SimEvent, member: Member): boolean {
    if (member.epoch !== event.epoch) return false;
    if (member.pausedUntilUs <= event.atUs) return true;
    event.atUs = member.pausedUntilUs;
    this.#queue.push(event);
    return false;
  }

  #look({ member: owner, what, detail }: SimEvent): void {
    const member = owner ?? this.#touched;
    this.#touched = undefined;
    const engine = member?.engine;
    if (member === undefined || engine === undefined) {
      return this.trace.add(this.#nowUs, member?.id ?? 0, what, detail, member && NOT_RUNNING);
    }
    const { raw } = engine;
    const { log } = raw;
    const state = this.#state;
    state[0] = ROLE_NUMBERS[raw.role.kind];
    state[1] = raw.term;
    state[2] = raw.vote;
    state[3] = raw.lead;
    state[4] = log.committed;
    state[5] = log.applied;
    state[6] = log.lastIndex();
    this.trace.add(this.#nowUs, member.id, what, detail, state);
    this.oracle.observe(member, engine);
    if (this.trace.count % SELF_CHECK_EVENTS === 0) this.#selfCheck(member);
  }

  #selfCheck(member: Member): void {
    try {
      member.engine?.checkInvariants();
    } catch (error) {
      this.oracle.violate(13, `the engine of ${member.id} contradicts itself: ${error}`);
    }
  }
}

function foundingSnapshot(machine: SimMachine, voters: readonly number[]): Snapshot {
  const confState: ConfState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  return { meta: { index: machine.appliedIndex, term: 1, confState }, data: machine.snapshot() };
}
