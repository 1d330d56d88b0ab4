/**
 * A small cluster whose messages are lost, doubled, delayed and reordered, whose members crash at any point of their
 * work, and whose membership changes meanwhile. Everything that happens follows from the seed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { confChange, type ConfChangeStep, type ConfChangeTransition } from "../../../../core/raft/conf_change.ts";
import { RAFT_DEFAULTS, type RaftConfig } from "../../../../core/raft/config.ts";
import { isMember, memberIds } from "../../../../core/raft/membership.ts";
import type { Message } from "../../../../core/raft/message.ts";
import type { Snapshot } from "../../../../core/seams/log_store.ts";
import { Chance } from "./chance.ts";
import { Checker } from "./checker.ts";
import { SimMember, type World } from "./sim_member.ts";

const MEMBERS_MAX = 6;
const MESSAGES_MAX = 400;

/** What a run came to; a run that did nothing proves nothing. */
export interface RunSummary {
  readonly elections: number;
  readonly committed: number;
  readonly membershipIndexes: number;
}

/** One run. */
export class SimWorld implements World {
  readonly chance: Chance;
  readonly checker = new Checker();
  readonly #members = new Map<number, SimMember>();
  readonly #settings: Omit<RaftConfig, "id" | "random">;
  readonly #lossOneIn: number;
  #network: Message[] = [];
  #cut = new Set<number>();
  #tokens = 0;
  #changes = 0;
  #peace = false;

  constructor(seed: number) {
    const chance = new Chance(seed);
    this.chance = chance;
    this.#lossOneIn = 4 + chance.below(60);
    this.#settings = {
      ...RAFT_DEFAULTS,
      appliedIndex: 0,
      electionTicks: 6 + chance.below(6),
      preVote: !chance.oneIn(4),
      checkQuorum: !chance.oneIn(4),
      forwardProposals: chance.oneIn(2),
      asyncStorageWrites: chance.oneIn(2),
      maxAppendBytes: 30 + chance.below(100),
      maxInflightAppendsCount: 1 + chance.below(4),
      maxApplyingBytes: 30 + chance.below(200),
      maxUncommittedBytes: 1 + chance.below(40),
      maxUnstableBytes: 100 + chance.below(400),
    };
    const voters = Array.from({ length: 3 + chance.below(3) }, (_, i) => i + 1);
    const confState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const first: Snapshot = { meta: { index: 1, term: 1, confState }, data: new Uint8Array(0) };
    for (const id of voters) this.#add(id, first);
  }

  /** Plays `count` events, then heals everything and expects the group to recover. */
  run(count: number): RunSummary {
    for (let i = 0; i < count; i++) this.#event();
    this.#recover();
    return {
      elections: this.checker.elections,
      committed: this.checker.maxCommitted,
      membershipIndexes: this.#changes,
    };
  }

  /** See {@linkcode World}. */
  send(message: Message): void {
    if (!this.#peace && this.chance.oneIn(this.#lossOneIn)) return;
    this.#network.push(message);
    if (this.chance.oneIn(10)) this.#network.push(message);
    if (this.#network.length > MESSAGES_MAX) this.#network.splice(this.chance.below(MESSAGES_MAX), 1);
  }

  #event(): void {
    const { chance } = this;
    const member = chance.pick([...this.#members.values()]);
    if (member === undefined) return;
    if (!member.alive) {
      if (chance.oneIn(6)) member.restart();
      return;
    }
    const dice = chance.below(1000);
    if (dice < 380) this.#deliver();
    else if (dice < 740) member.work(this.#members);
    else if (dice < 890) member.engine.tick();
    else if (dice < 935) member.engine.propose(new Uint8Array([chance.below(256), chance.below(256)]));
    else if (dice < 950) member.read(this.#tokens++ % 256);
    else if (dice < 965) this.#change(this.#leader() ?? member);
    else if (dice < 968) member.engine.transferLeader(1 + chance.below(MEMBERS_MAX));
    else if (dice < 971) member.engine.reportUnreachable(1 + chance.below(MEMBERS_MAX));
    else if (dice < 976) member.engine.reportSnapshot(1 + chance.below(MEMBERS_MAX), chance.oneIn(2));
    else if (dice < 986) member.compact();
    else if (dice < 988) member.engine.forgetLeader();
    else if (dice < 990) member.engine.campaign();
    else if (dice < 995) this.#repartition();
    else if (chance.oneIn(2)) (chance.oneIn(3) ? this.#leader() ?? member : member).crash();
    if (member.alive) member.check(this.#members);
  }

  #deliver(): void {
    const at = this.chance.below(Math.max(1, this.#network.length));
    const message = this.#network[at];
    if (message === undefined) return;
    // The order is kept mostly, and sometimes not at all.
    const chosen = this.chance.oneIn(4) ? at : this.#network.findIndex(({ to }) => to === message.to);
    const [m] = this.#network.splice(chosen, 1);
    if (m === undefined || this.#cut.has(m.from) !== this.#cut.has(m.to)) return;
    this.#receive(m);
  }

  #receive(m: Message): void {
    const to = this.#members.get(m.to);
    if (to === undefined || !to.alive) return;
    to.engine.step(m);
    to.check(this.#members);
  }

  #repartition(): void {
    const ids = [...this.#members.keys()];
    this.#cut = this.chance.oneIn(4) ? new Set(ids.filter(() => this.chance.oneIn(3))) : new Set();
  }

  #change(member: SimMember): void {
    const { chance } = this;
    const id = 1 + chance.below(MEMBERS_MAX);
    if (!this.#members.has(id)) this.#add(id);
    const operations = ["add-voter", "add-learner", "remove"] as const;
    const steps: ConfChangeStep[] = [{ operation: chance.pick(operations) ?? "remove", id }];
    if (chance.oneIn(3)) steps.push({ operation: "add-voter", id: 1 + (id % MEMBERS_MAX) });
    for (const step of steps) if (!this.#members.has(step.id)) this.#add(step.id);
    const transitions: ConfChangeTransition[] = ["auto", "auto", "implicit", "explicit"];
    const change = chance.oneIn(4) ? confChange([]) : confChange(steps, chance.pick(transitions) ?? "auto");
    if (member.engine.proposeConfChange(change).kind === "appended") this.#changes++;
  }

  #add(id: number, first?: Snapshot): void {
    this.#members.set(id, new SimMember(this, { ...this.#settings, id, random: this.chance.split() }, first));
  }

  /** Without faults: whoever belongs to the group in the end must agree and go on. */
  #recover(): void {
    this.#peace = true;
    this.#cut = new Set();
    for (const member of this.#members.values()) if (!member.alive) member.restart();
    let target: number | undefined;
    for (let round = 0; round < 400; round++) {
      for (const member of this.#members.values()) {
        if (!member.alive) continue;
        if (round % 2 === 0) member.engine.tick();
        for (let i = 0; i < 20; i++) {
          member.work(this.#members);
          member.check(this.#members);
        }
      }
      const network = this.#network;
      this.#network = [];
      for (const m of network) this.#receive(m);
      const leader = this.#leader();
      if (leader === undefined) continue;
      if (round >= 100) this.#stopStrangers(leader);
      // A transport reports the end of every snapshot; these were lost before the peace.
      if (round % 20 === 0) { for (const id of this.#members.keys()) leader.engine.reportSnapshot(id, false); }
      if (target === undefined) {
        const result = leader.engine.propose(new Uint8Array([1]));
        if (result.kind === "appended" && round > 100) target = result.index;
      } else if (this.#converged(leader, target)) return;
    }
    assert.fail(
      `the group does not recover: ${JSON.stringify([...this.#members.values()].map((m) => m.engine.status()))}`,
    );
  }

  /** Who leads the newest term. */
  #leader(): SimMember | undefined {
    let found: SimMember | undefined;
    for (const member of this.#members.values()) {
      if (member.alive && member.engine.leads && member.engine.term >= (found?.engine.term ?? 0)) found = member;
    }
    return found;
  }

  /** Somebody takes away what was removed; without pre-vote it would disturb for ever. */
  #stopStrangers(leader: SimMember): void {
    for (const member of this.#members.values()) {
      if (!isMember(leader.engine.membership, member.id)) member.crash();
    }
  }

  #converged(leader: SimMember, target: number): boolean {
    const { membership } = leader.engine;
    assert(memberIds(membership).length > 0);
    return [...this.#members.values()].every((m) => !isMember(membership, m.id) || m.appliedIndex >= target);
  }
}
