/**
 * One member of a Raft group (Ongaro, "Consensus: Bridging Theory and Practice", 2014): a state machine without threads,
 * clock, disk or network. Ticks, messages and calls go in; `ready()` brings out everything to do about them, in the order
 * that `ready.ts` states.
 *
 * Built in: pre-vote and quorum checks, pipelined replication with limits, learners, joint consensus, read index,
 * leadership transfer, snapshots. A member's own vote and acknowledgement are messages to itself that come into being
 * with the write they promise, so nothing counts before it is durable.
 *
 * Follow a write: `propose` → `proposal.ts` → `replication.ts` (leader) → `append.ts` (follower) → `replication.ts`
 * (commit) → `ready()`. Follow an election: `tick` → `election.ts` → `step.ts` → `election.ts`.
 *
 * Membership changes count once they are applied, not when they are appended. Leaves out reads on a leader lease and
 * promotion of learners, which is the driver's decision on what `status()` says.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { ConfState, Entry, EntryType } from "../seams/log_store.ts";
import { type ConfChange, confChangeOf, proposedConfChange } from "./conf_change.ts";
import { checkRaftConfig, type RaftConfig } from "./config.ts";
import { campaign } from "./election.ts";
import { checkState } from "./invariants.ts";
import { RaftLog } from "./log.ts";
import { changeMembership, isMember, isMembership } from "./membership.ts";
import { type Message, NOBODY } from "./message.ts";
import { checkMessage, isResponse } from "./message_check.ts";
import type {
  CampaignRefusal,
  DropReason,
  ForgetRefusal,
  ProposeResult,
  ReadRefusal,
  TransferRefusal,
} from "./outcome.ts";
import { Output } from "./output.ts";
import { propose } from "./proposal.ts";
import { requestRead } from "./read_index.ts";
import type { Ready } from "./ready.ts";
import { switchMembership } from "./reconfigure.ts";
import { becomeFollower, FOLLOWER, type RaftState } from "./state.ts";
import { type RaftStatus, statusOf } from "./status.ts";
import { step } from "./step.ts";
import type { RaftStorage } from "./storage.ts";
import { tick, ticksToAction } from "./tick.ts";
import { transferLeader } from "./transfer.ts";

/** See the module. Not reentrant; one driver calls it. */
export class RaftEngine {
  /** For tests, which may look and shorten a wait. */
  protected readonly state: RaftState;
  readonly #output: Output;

  /**
   * Starts as a follower, with what `storage` holds.
   *
   * @throws {InvariantError} If `config` is out of range, or `storage` has lost entries that were committed.
   */
  constructor(config: RaftConfig, storage: RaftStorage) {
    checkRaftConfig(config);
    this.state = startState(config, storage);
    this.#output = new Output(this.state);
  }

  /** One unit of time has passed; how long it is, is the driver's choice. */
  tick(): void {
    tick(this.state);
  }

  /**
   * How many ticks from now the first one comes that may do more than count, if nothing else happens before; Infinity if
   * none does. Ticks that only count may be given late: all at once, before anything else goes in.
   */
  ticksToAction(): number {
    return ticksToAction(this.state);
  }

  /** Takes a message from a peer, or from this member's own storage. Returns why it had no effect, if it had none. */
  step(message: Message): DropReason | undefined {
    const { config, membership } = this.state;
    const dropped = checkMessage(message, config.id);
    if (dropped !== undefined) return dropped;
    if (isResponse(message.kind) && !isMember(membership, message.from)) return "unknown-peer";
    return step(this.state, message);
  }

  /** Starts an election now. */
  campaign(): CampaignRefusal | undefined {
    return campaign(this.state, false);
  }

  /** Proposes a normal entry. Takes `data`. */
  propose(data: Uint8Array): ProposeResult {
    return propose(this.state, this.state.config.id, [{ type: "normal", data }]);
  }

  /** Proposes normal entries that go into the log together; the index of the last is returned. Takes `data`. */
  proposeAll(data: readonly Uint8Array[]): ProposeResult {
    return propose(this.state, this.state.config.id, data.map((bytes) => ({ type: "normal", data: bytes })));
  }

  /** Proposes a membership change; `conf-change` is the older entry type, for one step without transition. */
  proposeConfChange(change: ConfChange, type: Exclude<EntryType, "normal"> = "conf-change-v2"): ProposeResult {
    return propose(this.state, this.state.config.id, [proposedConfChange(change, type)]);
  }

  /**
   * A committed membership change is being applied; must be called for each, in order, before `advance`.
   *
   * @returns The membership from now on: unchanged, on all members alike, if the change is impossible or unreadable.
   */
  applyConfChange(change: ConfChange | Entry): ConfState {
    const r = this.state;
    const readable = "data" in change ? confChangeOf(change) : change;
    const result = readable && changeMembership(r.membership, readable);
    if (result?.kind === "changed") switchMembership(r, result.confState);
    return r.membership;
  }

  /**
   * Asks from which index on the state machine gives linearizable answers; comes back as a `ReadState` with `context`,
   * or not at all if the leader or the term changes first. Takes `context`.
   */
  readIndex(context: Uint8Array): ReadRefusal | undefined {
    return requestRead(this.state, { from: this.state.config.id, context });
  }

  /** Hands leadership to `to`, from wherever it is. */
  transferLeader(to: number): TransferRefusal | undefined {
    return transferLeader(this.state, to);
  }

  /** The leader is known to be gone: vote for others at once instead of waiting for its silence. */
  forgetLeader(): ForgetRefusal | undefined {
    const r = this.state;
    if (!r.config.allowForgetLeader) return "not-allowed";
    if (r.role.kind !== "follower" || r.lead === NOBODY) return "not-expected";
    r.lead = NOBODY;
    return undefined;
  }

  /** A message to `id` was lost: stop sending ahead until it answers. */
  reportUnreachable(id: number): void {
    const { role } = this.state;
    const progress = role.kind === "leader" ? role.peers.get(id) : undefined;
    if (progress?.state.kind === "replicate") progress.becomeProbe();
  }

  /** The snapshot to `id` was delivered, or failed; must be called for every snapshot message that was sent. */
  reportSnapshot(id: number, delivered: boolean): void {
    const { role } = this.state;
    if (role.kind === "leader") role.peers.get(id)?.snapshotReported(delivered);
  }

  /** Whether there is anything to do. */
  hasReady(): boolean {
    return this.#output.hasReady();
  }

  /** Everything to do, in the order that `ready.ts` states. Each thing is handed out once. */
  ready(): Ready {
    return this.#output.take();
  }

  /** The last `Ready` is written, sent and applied. Not with `asyncStorageWrites`. */
  advance(): void {
    for (const message of this.#output.advance()) step(this.state, message);
  }

  /** The term it is in. */
  get term(): number {
    return this.state.term;
  }

  /** Whether this member leads; cheaper than to look through {@linkcode RaftEngine.status}. */
  get isLeader(): boolean {
    return this.state.role.kind === "leader";
  }

  /** Whether this member leads and is sending somebody a snapshot; cheaper than to look through {@linkcode RaftEngine.status}. */
  get isSendingSnapshot(): boolean {
    const { role } = this.state;
    if (role.kind !== "leader") return false;
    for (const { state } of role.peers.values()) if (state.kind === "snapshot") return true;
    return false;
  }

  /** Elections that this member began since it was made, after pre-votes, and those of them that it won. */
  get elections(): { readonly startedCount: number; readonly wonCount: number } {
    const { electionsStartedCount, electionsWonCount } = this.state;
    return { startedCount: electionsStartedCount, wonCount: electionsWonCount };
  }

  /** What this member thinks. */
  status(): RaftStatus {
    return statusOf(this.state);
  }

  /**
   * What must be true between any two calls; for tests and simulation.
   *
   * @throws {InvariantError} If the state contradicts itself.
   */
  checkInvariants(): void {
    checkState(this.state);
  }
}

function startState(config: RaftConfig, storage: RaftStorage): RaftState {
  const { hardState, confState } = storage.initialState();
  assert(isMembership(confState), "The stored membership is one that changes can lead to");
  const log = new RaftLog(storage, config.maxApplyingBytes);
  // What is applied was committed, even if the commit index that said so was not written in time.
  const commit = Math.max(hardState.commit, config.appliedIndex);
  assert(commit <= log.lastIndex(), "The stored log reaches as far as it was committed");
  log.commitTo(commit);
  if (config.appliedIndex > log.applied) log.appliedTo(config.appliedIndex, 0);
  const state: RaftState = {
    config,
    log,
    term: hardState.term,
    vote: hardState.vote,
    lead: NOBODY,
    role: FOLLOWER,
    membership: confState,
    electionElapsed: 0,
    patienceTicks: 0,
    electionsStartedCount: 0,
    electionsWonCount: 0,
    outbox: [],
    afterWrite: [],
    readStates: [],
    waitingSnapshot: undefined,
  };
  becomeFollower(state, hardState.term, NOBODY);
  return state;
}
