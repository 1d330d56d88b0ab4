/**
 * Clients: each calls one operation after the other, at a member of its choice, and moves on when it loses patience.
 *
 * An error that says "nothing was done" takes the call out of the history; any other leaves its outcome unknown. Where the
 * state machine has sessions, a client may repeat a write of which it knows nothing, under the same name: however often it
 * is in the log it runs once, and everybody who asks gets the same answer.
 *
 * @module
 */
import { MeshError } from "../../core/plugin/errors.ts";
import { audit } from "./audit.ts";
import { Chance } from "./chance.ts";
import { History, type Recorded } from "./history.ts";
import { Leases } from "./leases.ts";
import type { Operation } from "./machine.ts";
import type { Member, Process } from "./member.ts";
import type { World } from "./world.ts";
import type { RegisterInput } from "../linearizability/register.ts";

/** Leases have keys of their own. */
const FIRST_LEASE = 1_000_000;
const LEASES_COUNT = 2;
/** Nodes that join the mesh again and again, where the state machine knows what that is. */
const JOINERS_COUNT = 20;
/** Results of every so many writes are looked up on the disks. */
const AUDIT_WRITES = 64;

interface Client {
  readonly id: number;
  /** Where the last call went well. */
  home: number;
  /** Counts calls: a late answer does not start the next one again. */
  calls: number;
  lastValue: number;
  /** It waits before it asks again. */
  wasRefused: boolean;
  /** The operation that it waits for. */
  open: Recorded | undefined;
  /** The last write, if it has a name. */
  named: NamedWrite | undefined;
  /** Whether the next call is the last write again. */
  repeats: boolean;
  /** Number of the last name. */
  sequence: number;
}

type Write = Operation & { readonly kind: "swap" | "cas" };

/** A write that can be repeated. */
interface NamedWrite {
  readonly operation: Write;
  readonly recorded: Recorded;
  /** One attempt that may have had an effect is enough to make it so for all. */
  mayHaveRun: boolean;
}

/** What the clients of a run did. */
export interface WorkloadCounts {
  writes: number;
  reads: number;
  unknown: number;
  refused: number;
  /** Writes that were asked for again. */
  repeated: number;
}

/** See the module. */
export class Workload {
  readonly history: History;
  readonly counts: WorkloadCounts = { writes: 0, reads: 0, unknown: 0, refused: 0, repeated: 0 };
  readonly #world: World;
  readonly #chance: Chance;
  readonly #leases: Leases;
  /** By number: the node that was told that it has the address. */
  readonly #addresses = new Map<number, number>();
  #nextValue = 1;
  isStopped = false;

  constructor(world: World) {
    this.#world = world;
    this.#chance = Chance.stream(world.seed, "workload");
    this.history = new History(world.plan.workload.keys);
    this.#leases = new Leases(world.plan.wallSkewUs);
  }

  /** Starts the clients. */
  start(): void {
    for (let id = 1; id <= this.#world.plan.workload.clients; id++) {
      const client: Client = {
        id,
        home: 1,
        calls: 0,
        lastValue: 0,
        wasRefused: false,
        open: undefined,
        named: undefined,
        repeats: false,
        sequence: 0,
      };
      this.#callLater(client);
    }
  }

  #callLater(client: Client): void {
    const { plan } = this.#world;
    const meanUs = client.wasRefused ? plan.tickUs : plan.workload.thinkUs;
    this.#world.later(this.#chance.exponential(meanUs), "client", () => this.#call(client), client.id);
  }

  #call(client: Client): void {
    if (this.isStopped) return;
    const call = ++client.calls;
    const member = this.#choose(client);
    const isOver = () => client.calls !== call;
    client.wasRefused = false;
    const next = () => {
      if (isOver()) return;
      client.calls++;
      this.#callLater(client);
    };
    this.#world.later(this.#world.plan.workload.timeoutUs, "patience ends", () => {
      if (isOver()) return;
      if (client.open) this.#lostTrackOf(client.open, client);
      next();
    }, client.id);
    client.open = undefined;
    if (member.state !== "up") {
      client.home = 1 + this.#chance.below(this.#world.members.size);
      client.wasRefused = true;
      return next();
    }
    if (client.repeats && client.named) return this.#repeat(client, member, client.named, next);
    if (this.#chance.oneIn(12)) return this.#hold(client, member, next);
    const key = this.history.keyAt(this.#chance.below(64));
    if (this.#chance.happens(this.#world.plan.workload.reads)) this.#read(client, member, key, next);
    else this.#write(client, member, key, next);
  }

  #choose(client: Client): Member {
    const { members } = this.#world;
    const id = this.#chance.oneIn(5) ? 1 + this.#chance.below(members.size) : client.home;
    const member = members.get(id);
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  #write(client: Client, member: Member, key: number, next: () => void): void {
    const operation = this.#operation(client, key);
    const recorded = this.history.call(key, inputOf(operation), this.#world.nextOrder());
    client.named = operation.session ? { operation, recorded, mayHaveRun: false } : undefined;
    this.#attempt(client, member, operation, recorded, client.named, next);
  }

  #repeat(client: Client, member: Member, named: NamedWrite, next: () => void): void {
    client.repeats = false;
    this.counts.repeated++;
    this.#attempt(client, member, named.operation, named.recorded, named, next);
  }

  #attempt(
    client: Client,
    member: Member,
    operation: Write,
    recorded: Recorded,
    named: NamedWrite | undefined,
    next: () => void,
  ): void {
    client.open = recorded;
    this.#propose(client, member, operation, (result) => {
      if (this.counts.writes++ % AUDIT_WRITES === 0) audit(this.#world, this.#world.oracle.maxCommitted);
      // The client has written since: the answer, if there ever was one, is no longer kept.
      if (result === undefined && named && client.named !== named) return next();
      const isAgain = recorded.returnAt !== Infinity;
      if (named && (result === undefined || (isAgain && recorded.output !== result))) {
        const text = `${JSON.stringify(operation)} is answered ${result}`;
        this.#world.oracle.violate(9, isAgain ? `${text}, and was answered ${recorded.output} before` : text);
      }
      if (!isAgain) Object.assign(recorded, { output: result, returnAt: this.#world.nextOrder() });
      next();
    }, (isHarmless) => this.#gone(client, recorded, isHarmless && !named?.mayHaveRun, next));
  }

  /** A read that must see everything: at the replica once the leader has confirmed, or through the log. */
  #read(client: Client, member: Member, key: number, next: () => void): void {
    const recorded = this.history.call(key, { kind: "read" }, this.#world.nextOrder());
    client.open = recorded;
    this.#atProcess(member, "read", (running) => {
      const { oracle } = this.#world;
      const required = oracle.maxCommitted;
      running.loop.linearizable().then(() => {
        const { machine } = running;
        if (machine.appliedIndex < required) {
          oracle.violate(9, `member ${member.id} reads at ${machine.appliedIndex}, committed was ${required}`);
        }
        this.counts.reads++;
        client.home = member.id;
        recorded.output = client.lastValue = machine.lookup(key);
        recorded.returnAt = this.#world.nextOrder();
        next();
      }, () => this.#gone(client, recorded, true, next));
    }, () => this.#gone(client, recorded, true, next));
  }

  /** Takes something that only one may have. */
  #hold(client: Client, member: Member, next: () => void): void {
    if (this.#world.fsm.knows("lease")) this.#lease(client, member, next);
    else this.#join(client, member, next);
  }

  #join(client: Client, member: Member, next: () => void): void {
    const operation: Operation = { kind: "join", key: this.#chance.below(JOINERS_COUNT) };
    this.#propose(client, member, operation, (address) => {
      const holder = address === undefined ? undefined : this.#addresses.get(address);
      if (address !== undefined) this.#addresses.set(address, operation.key);
      if (holder !== undefined && holder !== operation.key) {
        this.#world.oracle.violate(10, `address ${address} belongs to node ${holder} and to node ${operation.key}`);
      }
      next();
    }, next);
  }

  #lease(client: Client, member: Member, next: () => void): void {
    const key = FIRST_LEASE + this.#chance.below(LEASES_COUNT);
    const askedUs = this.#world.nowUs;
    const ttlMs = this.#chance.between(10, 2000);
    const nowMs = member.wallMs;
    const operation: Operation = { kind: "lease", key, holder: client.id, nowMs, ttlMs };
    this.#propose(client, member, operation, (result) => {
      if (result === 1) {
        const { nowUs, oracle } = this.#world;
        const problem = this.#leases.granted(key, client.id, nowUs, askedUs + ttlMs * 1000);
        if (problem !== undefined) oracle.violate(10, problem);
      }
      next();
    }, next);
  }

  #propose(
    client: Client,
    member: Member,
    operation: Operation,
    onResult: (result: number | undefined) => void,
    onError: (isHarmless: boolean) => void,
  ): void {
    const { fsm, plan } = this.#world;
    const padding = plan.workload.paddingBytes === 0 ? 0 : this.#chance.below(plan.workload.paddingBytes);
    this.#atProcess(member, "write", (running) => {
      running.loop.propose(fsm.encode(operation, padding)).then((response) => {
        client.home = member.id;
        onResult(fsm.result(response, operation));
      }, (error: unknown) => {
        const isHarmless = error instanceof MeshError && HARMLESS.has(error.reason);
        if (isHarmless) client.home = running.engine.raw.lead || 1 + this.#chance.below(this.#world.members.size);
        onError(isHarmless);
      });
    }, () => onError(true));
  }

  /** The call arrives at the member; `onRefused` if nobody is there. */
  #atProcess(member: Member, what: string, run: (running: Process) => void, onRefused: () => void): void {
    const running = member.process;
    if (running === undefined) return onRefused();
    const delayUs = this.#chance.exponential(200);
    this.#world.after(delayUs, member, what, undefined, () => run(running));
  }

  #gone(client: Client, recorded: Recorded, isHarmless: boolean, next: () => void): void {
    if (isHarmless) {
      this.counts.refused++;
      client.wasRefused = true;
      this.history.forget(recorded);
      if (this.#chance.oneIn(2)) client.home = 1 + this.#chance.below(this.#world.members.size);
    } else this.#lostTrackOf(recorded, client);
    next();
  }

  #lostTrackOf(recorded: Recorded, client: Client): void {
    this.counts.unknown++;
    const { named } = client;
    if (named?.recorded === recorded) {
      named.mayHaveRun = true;
      client.repeats = !this.#chance.oneIn(3);
      if (client.repeats) return;
    }
    this.history.unknown(recorded);
  }

  #operation(client: Client, key: number): Write {
    const value = this.#nextValue++;
    const named = this.#world.fsm.hasSessions
      ? { session: { clientId: `client-${client.id}`, sequence: ++client.sequence } }
      : {};
    if (this.#chance.oneIn(2)) return { kind: "swap", key, value, ...named };
    return { kind: "cas", key, expected: client.lastValue, value, ...named };
  }
}

/** Errors after which a write certainly has no effect. */
const HARMLESS: ReadonlySet<string> = new Set(["not-leader", "no-leader"]);

function inputOf(operation: Write): RegisterInput {
  return operation.kind === "swap"
    ? { kind: "swap", value: operation.value }
    : { kind: "cas", expected: operation.expected, value: operation.value };
}
