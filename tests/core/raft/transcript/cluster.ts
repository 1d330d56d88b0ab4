/**
 * The directives of interaction transcripts: a cluster whose every move is written down.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { RaftConfig } from "../../../../core/raft/config.ts";
import { confChange, type ConfChangeTransition } from "../../../../core/raft/conf_change.ts";
import { isVoter } from "../../../../core/raft/membership.ts";
import { APPEND_THREAD, APPLY_THREAD, type Message } from "../../../../core/raft/message.ts";
import type { DropReason, ProposeResult } from "../../../../core/raft/outcome.ts";
import type { Snapshot } from "../../../../core/seams/log_store.ts";
import type { Directive } from "./datadriven.ts";
import { describeEntry, describeMessage, describePeer, describeReady, describeRole, messageName } from "./describe.ts";
import { Member } from "./member.ts";
import { Output } from "./output.ts";
import { parseSteps } from "./steps.ts";

const PROPOSAL_DROPPED = "raft proposal dropped";
const PEER_NOT_FOUND = "raft: cannot step as peer not found";
const encoder = new TextEncoder();

/** What a member is unless `add-nodes` says otherwise: none of the safety nets, no limits. */
const BARE_CONFIG: Omit<RaftConfig, "id" | "random" | "appliedIndex"> = {
  electionTicks: 3,
  heartbeatTicks: 1,
  preVote: false,
  checkQuorum: false,
  stepDownOnRemoval: false,
  forwardProposals: true,
  validateConfChanges: true,
  allowForgetLeader: true,
  asyncStorageWrites: false,
  maxAppendBytes: Infinity,
  maxInflightAppendsCount: 2 ** 31 - 1,
  maxInflightBytes: Infinity,
  maxUncommittedBytes: Infinity,
  maxUnstableBytes: Infinity,
  maxApplyingBytes: Infinity,
  maxPendingReadsCount: 1000,
};

/** A directive that failed; its text is the output. */
class DirectiveError extends Error {}

/** The members of one transcript, the messages on their way, and the output so far. */
export class TranscriptCluster {
  readonly #members: Member[] = [];
  readonly #drawn: number;
  #messages: Message[] = [];
  #out = new Output();

  /** `drawn` is what every member's random source always draws: 0 for the shortest timeouts. */
  constructor(drawn = 0) {
    this.#drawn = drawn;
  }

  /** Carries out one directive; its output, `ok` if it has none. */
  handle(directive: Directive): string {
    this.#out.clear();
    try {
      this.#dispatch(directive);
      for (const member of this.#members) member.engine.checkInvariants();
    } catch (error) {
      if (!(error instanceof DirectiveError)) throw error;
      if (this.#out.quiet) return error.message;
      this.#out.line(error.message);
    }
    return this.#out.text === "" ? "ok" : this.#out.text;
  }

  #dispatch(d: Directive): void {
    switch (d.command) {
      case "_breakpoint":
        return;
      case "add-nodes":
        return this.#addNodes(d);
      case "campaign":
        return void this.#only(d).engine.campaign();
      case "compact":
        return this.#compact(d);
      case "deliver-msgs":
        return this.#deliverDirective(d);
      case "process-ready":
        return this.#each(d, "handling Ready", (m) => this.#processReady(m));
      case "process-append-thread":
        return this.#each(d, "processing append thread", (m) => this.#processAppend(m));
      case "process-apply-thread":
        return this.#each(d, "processing apply thread", (m) => this.#processApply(m));
      case "log-level":
        return void this.#out.setLevel(d.args[0]?.key ?? "");
      case "raft-log":
        return this.#raftLog(this.#only(d));
      case "raft-state":
        return this.#raftState();
      case "set-randomized-election-timeout":
        return this.#only(d).engine.setPatience(Number(value(d, "timeout")));
      case "stabilize":
        return this.#stabilizeDirective(d);
      case "status":
        return this.#only(d).engine.status().peers.forEach((peer) => this.#out.line(describePeer(peer)));
      case "tick-election":
        return this.#tick(this.#only(d), (config) => config.electionTicks);
      case "tick-heartbeat":
        return this.#tick(this.#only(d), (config) => config.heartbeatTicks);
      case "transfer-leadership":
        return this.#transfer(d);
      case "forget-leader":
        return void this.#only(d).engine.forgetLeader();
      case "send-snapshot":
        return this.#sendSnapshot(d);
      case "propose":
        return this.#settle(this.#only(d).engine.propose(encoder.encode(bare(d, 1))));
      case "propose-conf-change":
        return this.#proposeConfChange(d);
      case "report-unreachable":
        return this.#member(bare(d, 0)).engine.reportUnreachable(Number(bare(d, 1)));
      default:
        return this.#dispatchOwn(d);
    }
  }

  /** Directives that the recorded suite does not have. */
  #dispatchOwn(d: Directive): void {
    switch (d.command) {
      case "tick":
        return this.#tick(this.#only(d), () => Number(bare(d, 1)));
      case "read-index":
        return this.#refused(this.#member(bare(d, 0)).engine.readIndex(encoder.encode(bare(d, 1))));
      case "restart":
        return this.#only(d).restart();
      case "report-snapshot":
        return this.#member(bare(d, 0)).engine.reportSnapshot(Number(bare(d, 1)), bare(d, 2) === "ok");
      default:
        throw new DirectiveError("unknown command");
    }
  }

  #addNodes(d: Directive): void {
    const ids = (key: string) => values(d, key).map(Number).sort((a, b) => a - b);
    const [voters, learners, index] = [ids("voters"), ids("learners"), Number(value(d, "index") ?? 0)];
    const content = value(d, "content");
    const bootstrap = voters.length + learners.length + index > 0 || content !== undefined;
    if (bootstrap && index <= 1) throw new DirectiveError("index must be specified as > 1 due to bootstrap");
    const confState = { voters, learners, votersOutgoing: [], learnersNext: [], autoLeave: false };
    const snapshot: Snapshot = {
      meta: { index, term: bootstrap ? 1 : 0, confState },
      data: encoder.encode(content ?? ""),
    };
    const random = { u32: () => this.#drawn, fill: () => assert.fail("an engine draws integers only") };
    for (let i = 0; i < Number(bare(d, 0)); i++) {
      const id = this.#members.length + 1;
      const config = { ...BARE_CONFIG, ...configOf(d), id, random, appliedIndex: index };
      this.#members.push(new Member(config, snapshot));
    }
  }

  #processReady(member: Member): void {
    const { ready, sent } = member.processReady();
    this.#out.line(describeReady(ready));
    this.#messages.push(...sent);
  }

  #processAppend(member: Member): void {
    this.#describeWork(member.processAppend(), "no append work to perform");
  }

  #processApply(member: Member): void {
    this.#describeWork(member.processApply(), "no apply work to perform");
  }

  #describeWork(work: ReturnType<Member["processAppend"] | Member["processApply"]>, none: string): void {
    if (work === undefined) return this.#out.line(none);
    this.#out.line("Processing:");
    this.#out.line(describeMessage({ ...work, responses: [] }));
    this.#out.line("Responses:");
    for (const response of work.responses) this.#out.line(describeMessage(response));
    this.#messages.push(...work.responses);
  }

  #deliverDirective(d: Directive): void {
    const type = value(d, "type");
    let count = 0;
    for (const { key, values } of d.args) {
      if (values.length === 0) count += this.#deliver(Number(key), type, false);
      if (key === "drop") { for (const id of values) count += this.#deliver(Number(id), type, true); }
    }
    if (count === 0) this.#out.line("no messages");
  }

  #deliver(to: number, type: string | undefined, drop: boolean): number {
    const chosen = this.#messages.filter((m) =>
      m.to === to && !(drop && isLocal(m)) && (type === undefined || messageName(m) === type)
    );
    this.#messages = this.#messages.filter((m) => !chosen.includes(m));
    for (const m of chosen) {
      this.#out.line(`${drop ? "dropped: " : ""}${describeMessage(m)}`);
      const error = drop ? undefined : errorText(this.#member(String(to)).engine.step(m));
      if (error !== undefined) this.#out.line(error);
    }
    return chosen.length;
  }

  #stabilizeDirective(d: Directive): void {
    const level = value(d, "log-level");
    const before = level === undefined ? undefined : this.#out.setLevel(level);
    this.#stabilize(this.#chosen(d));
    if (before !== undefined) this.#out.setLevel(before);
  }

  #stabilize(chosen: readonly Member[]): void {
    const members = chosen.length > 0 ? chosen : this.#members;
    let busy = true;
    const section = (member: Member, title: string, body: () => void) => {
      busy = true;
      this.#out.line(`> ${member.id} ${title}`);
      this.#out.indented(body);
    };
    while (busy) {
      busy = false;
      for (const m of members) {
        if (m.engine.hasReady()) section(m, "handling Ready", () => this.#processReady(m));
      }
      for (const m of members) {
        if (this.#messages.some(({ to }) => to === m.id)) {
          section(m, "receiving messages", () => this.#deliver(m.id, undefined, false));
        }
      }
      for (const m of members) {
        if (m.appendWork.length === 0) continue;
        section(m, "processing append thread", () => {
          while (m.appendWork.length > 0) this.#processAppend(m);
        });
      }
      for (const m of members) {
        if (m.applyWork.length === 0) continue;
        section(m, "processing apply thread", () => {
          while (m.applyWork.length > 0) this.#processApply(m);
        });
      }
    }
  }

  #compact(d: Directive): void {
    const member = this.#only(d);
    member.storage.compact(Number(bare(d, 1)));
    this.#raftLog(member);
  }

  #raftLog({ storage }: Member): void {
    const [first, last] = [storage.firstIndex(), storage.lastIndex()];
    if (last < first) return this.#out.line(`log is empty: first index=${first}, last index=${last}`);
    for (const entry of storage.entries(first, last + 1, Infinity) ?? []) this.#out.line(describeEntry(entry));
  }

  #raftState(): void {
    for (const { engine } of this.#members) {
      const { id, role, membership, hardState: { term }, leader } = engine.status();
      const voter = isVoter(membership, id) ? "(Voter)" : "(Non-Voter)";
      this.#out.line(`${id}: ${describeRole(role)} ${voter} Term:${term} Lead:${leader}`);
    }
  }

  #tick(member: Member, count: (config: RaftConfig) => number): void {
    for (let i = 0; i < count(member.config); i++) member.engine.tick();
  }

  #transfer(d: Directive): void {
    this.#refused(this.#member(value(d, "from") ?? "").engine.transferLeader(Number(value(d, "to"))));
  }

  #sendSnapshot(d: Directive): void {
    const from = this.#member(bare(d, 0));
    const { term } = from.engine.status().hardState;
    const to = Number(bare(d, 1));
    const message: Message = { kind: "snapshot", from: from.id, to, term, snapshot: from.storage.snapshot() };
    this.#messages.push(message);
    this.#out.line(describeMessage(message));
  }

  #proposeConfChange(d: Directive): void {
    const v1 = value(d, "v1") === "true";
    const change = confChange(parseSteps(d.input), transitionOf(d));
    if (v1 && (change.steps.length > 1 || change.transition !== "auto")) {
      throw new DirectiveError("v1 conf change can only have one operation and no transition");
    }
    this.#settle(this.#only(d).engine.proposeConfChange(change, v1 ? "conf-change" : "conf-change-v2"));
  }

  #settle(result: ProposeResult): void {
    if (result.kind === "refused") throw new DirectiveError(PROPOSAL_DROPPED);
  }

  #refused(reason: string | undefined): void {
    if (reason !== undefined) throw new DirectiveError(`refused: ${reason}`);
  }

  #each(d: Directive, title: string, act: (member: Member) => void): void {
    const members = this.#chosen(d);
    for (const member of members) {
      if (members.length === 1) return act(member);
      this.#out.line(`> ${member.id} ${title}`);
      this.#out.indented(() => act(member));
    }
  }

  #chosen(d: Directive): Member[] {
    return d.args.filter(({ values }) => values.length === 0).map(({ key }) => this.#member(key));
  }

  /** The member that the first argument names. */
  #only(d: Directive): Member {
    return this.#member(bare(d, 0));
  }

  #member(id: string): Member {
    const member = this.#members[Number(id) - 1];
    assert(member !== undefined, `no member ${id}`);
    return member;
  }
}

function configOf(d: Directive): Partial<RaftConfig> {
  const flag = (key: string) => value(d, key) === "true";
  return {
    asyncStorageWrites: flag("async-storage-writes"),
    preVote: flag("prevote"),
    checkQuorum: flag("checkquorum"),
    stepDownOnRemoval: flag("step-down-on-removal"),
    validateConfChanges: !flag("disable-conf-change-validation"),
    // Reads on a leader lease are not offered; what remains of that mode is that followers may not forget a leader.
    allowForgetLeader: value(d, "read-only") !== "lease-based",
    maxInflightAppendsCount: Number(value(d, "inflight") ?? BARE_CONFIG.maxInflightAppendsCount),
    maxApplyingBytes: Number(value(d, "max-committed-size-per-ready") ?? BARE_CONFIG.maxApplyingBytes),
  };
}

function transitionOf(d: Directive): ConfChangeTransition {
  const text = value(d, "transition") ?? "auto";
  if (text === "auto" || text === "implicit" || text === "explicit") return text;
  throw new DirectiveError(`unknown transition ${text}`);
}

/** What the recorded suite prints for a message that had no effect. */
function errorText(reason: DropReason | undefined): string | undefined {
  switch (reason) {
    case "unknown-peer":
      return PEER_NOT_FOUND;
    case "no-leader":
    case "not-leader":
    case "not-member":
    case "transferring":
    case "too-busy":
      return PROPOSAL_DROPPED;
    default:
      return undefined;
  }
}

function isLocal(m: Message): boolean {
  return m.from === m.to || m.from === APPEND_THREAD || m.from === APPLY_THREAD;
}

function values(d: Directive, key: string): readonly string[] {
  return d.args.find((arg) => arg.key === key)?.values ?? [];
}

function value(d: Directive, key: string): string | undefined {
  return values(d, key)[0];
}

function bare(d: Directive, position: number): string {
  const arg = d.args[position];
  assert(arg !== undefined && arg.values.length === 0, `${d.command}: argument ${position + 1} is missing`);
  return arg.key;
}
