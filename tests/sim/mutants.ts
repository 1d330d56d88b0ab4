/**
 * Ways to be wrong: each breaks one rule of the protocol, in the engine, below the log store or in the state machine. What
 * the simulation does not find here it would not find in the product either.
 *
 * The seams are those that tests have anyway: a subclass that may touch the engine's variables, and wrappers around what a
 * member is made of.
 *
 * @module
 */
import type { RaftApplyResponse } from "../../proto/gen/v1/node_raft_pb.ts";
import { isVoter } from "../../core/raft/membership.ts";
import type { Message } from "../../core/raft/message.ts";
import type { DropReason, ReadRefusal } from "../../core/raft/outcome.ts";
import { jointIndex, majorityIndex } from "../../core/raft/quorum.ts";
import type { HardState, LogStore, Snapshot } from "../../core/seams/log_store.ts";
import type { CommittedEntry } from "../../core/state/apply.ts";
import { SimEngine } from "./engine.ts";
import type { Fingerprint, SimMachine } from "./machine.ts";
import { type Makers, PRODUCT } from "./member.ts";

/** One broken program. */
export interface Mutant {
  readonly name: string;
  /** The first seed that found it when it was last looked for; a hint that only saves time. */
  readonly seed: number;
  readonly makers: Makers;
}

/** Commits what a majority holds, whatever its term (thesis Fig. 3.7). */
class CountsOldTerms extends SimEngine {
  override step(message: Message): DropReason | undefined {
    const dropped = super.step(message);
    const { role, log, membership } = this.state;
    if (role.kind === "leader") log.commitTo(jointIndex(membership, (id) => role.peers.get(id)?.match ?? 0));
    return dropped;
  }
}

/** Commits what one other member holds. */
class CommitsWithMinority extends SimEngine {
  override step(message: Message): DropReason | undefined {
    const dropped = super.step(message);
    const { role, log } = this.state;
    if (role.kind === "leader" && message.kind === "append-ack" && message.index <= log.lastIndex()) {
      log.commitTo(message.index);
    }
    return dropped;
  }
}

/** Counts only the new half of a joint membership. */
class ForgetsOldHalf extends SimEngine {
  override step(message: Message): DropReason | undefined {
    const dropped = super.step(message);
    const { role, log, membership, term } = this.state;
    if (role.kind === "leader") {
      const index = majorityIndex(membership.voters, (id) => role.peers.get(id)?.match ?? 0);
      if (log.term(index) === term) log.commitTo(index);
    }
    return dropped;
  }
}

/** Votes for whoever asks. */
class VotesTwice extends SimEngine {
  override step(message: Message): DropReason | undefined {
    if (message.kind === "vote" && message.term === this.state.term && this.state.role.kind === "follower") {
      this.state.vote = 0;
      this.state.lead = 0;
    }
    return super.step(message);
  }
}

/** Takes a promise to vote for a vote. */
class CountsPreVotes extends SimEngine {
  override step(message: Message): DropReason | undefined {
    const { role, term } = this.state;
    if (message.kind === "pre-vote-response" && message.granted && role.kind === "candidate") {
      return super.step({ ...message, kind: "vote-response", term });
    }
    return super.step(message);
  }
}

/** Votes for candidates with shorter logs. */
class VotesForAnyLog extends SimEngine {
  override step(message: Message): DropReason | undefined {
    if (message.kind !== "vote" && message.kind !== "pre-vote") return super.step(message);
    return super.step({ ...message, lastTerm: message.term });
  }
}

/** Keeps what it had behind the leader's entries, though it conflicts. */
class KeepsConflictingTail extends SimEngine {
  override step(message: Message): DropReason | undefined {
    const { log } = this.state;
    const tail = message.kind === "append"
      ? log.entriesFrom(Math.max(log.committed, message.prevIndex + message.entries.length) + 1, Infinity) ?? []
      : [];
    const dropped = super.step(message);
    if ((tail.at(-1)?.index ?? 0) > log.lastIndex() && tail[0]?.index === log.lastIndex() + 1) {
      log.unstable.truncateAndAppend(tail);
    }
    return dropped;
  }
}

/** Takes entries of leaders that were deposed. */
class ObeysOldLeaders extends SimEngine {
  override step(message: Message): DropReason | undefined {
    const { term, role } = this.state;
    const isOld = message.kind === "append" && message.term < term && role.kind === "follower";
    return super.step(isOld ? { ...message, term } : message);
  }
}

/** Applies what it has received. */
class AppliesUncommitted extends SimEngine {
  override step(message: Message): DropReason | undefined {
    const dropped = super.step(message);
    const { log } = this.state;
    if (message.kind === "append" && dropped === undefined) log.commitTo(log.lastIndex());
    return dropped;
  }
}

/** Answers reads without asking anybody. */
class ReadsAtOnce extends SimEngine {
  override readIndex(context: Uint8Array): ReadRefusal | undefined {
    this.state.readStates.push({ index: this.state.log.committed, context });
    return undefined;
  }
}

/** Answers reads as a leader before it knows what is committed. */
class ReadsTooEarly extends SimEngine {
  override readIndex(context: Uint8Array): ReadRefusal | undefined {
    const { role, log, config } = this.state;
    if (role.kind !== "leader" || role.reads.full) return super.readIndex(context);
    role.reads.ask({ from: config.id, context }, log.committed);
    return undefined;
  }
}

/** Hands over for ever. */
class TransfersForEver extends SimEngine {
  override tick(): void {
    const { role } = this.state;
    if (role.kind === "leader" && role.transfer) role.transfer.ticksLeft = 1000;
    super.tick();
  }
}

/** Installs a snapshot and keeps the membership it had. */
class KeepsMembership extends SimEngine {
  override step(message: Message): DropReason | undefined {
    const { membership, config } = this.state;
    const dropped = super.step(message);
    if (message.kind === "snapshot" && isVoter(membership, config.id)) this.state.membership = membership;
    return dropped;
  }
}

/** A log store that others build on. */
abstract class StoreMutant implements LogStore {
  readonly inner: LogStore;

  constructor(inner: LogStore) {
    this.inner = inner;
  }

  get stored(): LogStore["stored"] {
    return this.inner.stored;
  }

  append(...[hardState, entries, mustSync]: Parameters<LogStore["append"]>): Promise<void> {
    return this.inner.append(hardState, entries, mustSync);
  }

  saveSnapshot(snapshot: Snapshot, trailingEntriesCount: number): Promise<void> {
    return this.inner.saveSnapshot(snapshot, trailingEntriesCount);
  }

  installSnapshot(snapshot: Snapshot, hardState: HardState): Promise<void> {
    return this.inner.installSnapshot(snapshot, hardState);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.inner[Symbol.asyncDispose]();
  }
}

/** Says "done" when it has only begun. */
class SaysDoneTooEarly extends StoreMutant {
  override append(...call: Parameters<LogStore["append"]>): Promise<void> {
    super.append(...call).catch(() => {});
    return Promise.resolve();
  }
}

/** Remembers terms but not votes. */
class ForgetsVotes extends StoreMutant {
  override append(...[hardState, entries, mustSync]: Parameters<LogStore["append"]>): Promise<void> {
    return super.append(hardState && { ...hardState, vote: 0 }, entries, mustSync);
  }
}

/** Writes terms and votes when it gets round to it. */
class LosesHardState extends StoreMutant {
  #hardState: HardState | undefined;

  override append(...[hardState, entries, mustSync]: Parameters<LogStore["append"]>): Promise<void> {
    const before = this.#hardState;
    this.#hardState = hardState ?? before;
    return super.append(entries.length > 0 ? before : undefined, entries, mustSync);
  }
}

/** A machine that others build on. */
abstract class MachineMutant implements SimMachine {
  readonly inner: SimMachine;

  constructor(inner: SimMachine) {
    this.inner = inner;
  }

  get appliedIndex(): number {
    return this.inner.appliedIndex;
  }

  get fingerprint(): Fingerprint {
    return this.inner.fingerprint;
  }

  lookup(key: number): number {
    return this.inner.lookup(key);
  }

  applyBatch(entries: readonly CommittedEntry[]): RaftApplyResponse[] {
    return this.inner.applyBatch(entries);
  }

  advanceTo(index: number, term: number): void {
    this.inner.advanceTo(index, term);
  }

  snapshot(): Uint8Array {
    return this.inner.snapshot();
  }

  restore(image: Uint8Array): void {
    this.inner.restore(image);
  }

  [Symbol.dispose](): void {
    this.inner[Symbol.dispose]();
  }
}

/** Does something else the second time. */
class Diverges extends MachineMutant {
  #count = 0;

  override applyBatch(entries: readonly CommittedEntry[]): RaftApplyResponse[] {
    const isOdd = ++this.#count % 20 === 0;
    return super.applyBatch(isOdd ? entries.map((entry) => ({ ...entry, data: new Uint8Array(0) })) : entries);
  }
}

/** Leaves membership changes out of the applied index. */
class DoesNotCountChanges extends MachineMutant {
  override advanceTo(): void {}
}

/** All of them. */
export const MUTANTS: readonly Mutant[] = [
  mutant("counts entries of earlier terms", 15, { engine: CountsOldTerms }),
  mutant("commits with a minority", 1, { engine: CommitsWithMinority }),
  mutant("counts only the new half of a joint membership", 71, { engine: ForgetsOldHalf }),
  mutant("votes twice", 1, { engine: VotesTwice }),
  mutant("takes pre-votes for votes", 11, { engine: CountsPreVotes }),
  mutant("votes for any log", 1, { engine: VotesForAnyLog }),
  mutant("keeps a conflicting tail", 6, { engine: KeepsConflictingTail }),
  mutant("obeys deposed leaders", 33, { engine: ObeysOldLeaders }),
  mutant("applies before the commit", 1, { engine: AppliesUncommitted }),
  mutant("answers reads at once", 1, { engine: ReadsAtOnce }),
  mutant("answers reads before its first commit", 26, { engine: ReadsTooEarly }),
  mutant("never ends a transfer", 17, { engine: TransfersForEver }),
  mutant("keeps its membership over a snapshot", 10, { engine: KeepsMembership }),
  mutant("leads without a quorum", 57, { raft: { checkQuorum: false } }),
  mutant("says done before the write", 1, { store: (store) => new SaysDoneTooEarly(store) }),
  mutant("forgets votes", 1, { store: (store) => new ForgetsVotes(store) }),
  mutant("loses hard state", 1, { store: (store) => new LosesHardState(store) }),
  mutant("skips fdatasync", 1, { disk: (disk) => disk.liesAboutSync = true }),
  mutant("diverges", 1, { machine: (machine) => new Diverges(machine) }),
  mutant("does not count membership changes", 1, { machine: (machine) => new DoesNotCountChanges(machine) }),
];

function mutant(name: string, seed: number, makers: Partial<Makers>): Mutant {
  return { name, seed, makers: { ...PRODUCT, ...makers } };
}
