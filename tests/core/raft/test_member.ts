/**
 * One engine with storage in memory, driven by hand: a test steps messages in and looks at what comes out.
 *
 * @module
 */
import assert from "node:assert/strict";
import { RAFT_DEFAULTS, type RaftConfig } from "../../../core/raft/config.ts";
import { RaftEngine } from "../../../core/raft/engine.ts";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import type { Message, PeerMessage } from "../../../core/raft/message.ts";
import type { DropReason } from "../../../core/raft/outcome.ts";
import type { ReadState } from "../../../core/raft/ready.ts";
import type { RaftState } from "../../../core/raft/state.ts";
import type { ConfState, Entry, HardState, Snapshot } from "../../../core/seams/log_store.ts";

/** What a test member starts with; all members of `terms` are entries, from index 1. */
export interface TestMemberOptions {
  readonly id?: number;
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  /** The terms of the entries it starts with. */
  readonly terms?: readonly number[];
  readonly hardState?: Partial<HardState>;
  readonly config?: Partial<RaftConfig>;
}

/** An engine whose state tests may look at. */
export class TestEngine extends RaftEngine {
  get inside(): RaftState {
    return this.state;
  }
}

/** See the module. */
export class TestMember {
  readonly storage = new MemoryStorage();
  readonly config: RaftConfig;
  engine: TestEngine;
  /** Applied entries, oldest first. */
  readonly applied: Entry[] = [];
  readonly readStates: ReadState[] = [];
  snapshot: Snapshot | undefined;

  constructor(options: TestMemberOptions = {}) {
    const { id = 1, voters = [1, 2, 3], learners = [], terms = [] } = options;
    this.storage.setConfState(confState({ voters, learners }));
    this.storage.append(entriesOf(1, terms));
    this.storage.setHardState({ term: terms.at(-1) ?? 0, vote: 0, commit: 0, ...options.hardState });
    this.config = {
      ...RAFT_DEFAULTS,
      id,
      random: { u32: () => 0, fill: () => assert.fail("an engine draws integers only") },
      appliedIndex: 0,
      preVote: false,
      checkQuorum: false,
      ...options.config,
    };
    this.engine = new TestEngine(this.config, this.storage);
  }

  /** Comes back after a crash with what is durable and a new state machine. */
  restart(): void {
    this.applied.length = 0;
    this.engine = new TestEngine(this.config, this.storage);
  }

  /** Steps a message of a peer; `from` 2, to this member and in its term, unless it says otherwise. */
  step(message: Partial<PeerMessage> & Pick<PeerMessage, "kind">): DropReason | undefined {
    const term = message.kind === "propose" || message.kind === "read-index" ? 0 : this.engine.inside.term;
    // The literal that a test writes lacks only the envelope.
    const dropped = this.engine.step({ from: 2, to: this.config.id, term, ...message } as Message);
    this.engine.checkInvariants();
    return dropped;
  }

  /** Does everything there is to do. Returns what goes to peers, in order. */
  settle(): Message[] {
    const sent: Message[] = [];
    while (this.engine.hasReady()) {
      const ready = this.engine.ready();
      if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
      if (ready.snapshot !== undefined) this.storage.applySnapshot(ready.snapshot);
      this.snapshot = ready.snapshot ?? this.snapshot;
      this.storage.append(ready.entries);
      sent.push(...ready.messages, ...ready.responses);
      this.readStates.push(...ready.readStates);
      for (const entry of ready.committedEntries) {
        this.applied.push(entry);
        if (entry.type !== "normal") this.engine.applyConfChange(entry);
      }
      this.engine.advance();
      this.engine.checkInvariants();
    }
    return sent;
  }

  /** Wins an election with the votes of all `voters`. Returns what was sent after it. */
  lead(): Message[] {
    assert.equal(this.engine.campaign(), undefined);
    this.settle();
    for (const from of this.engine.inside.membership.voters) {
      if (from !== this.config.id) this.step({ kind: "vote-response", from, granted: true });
    }
    const sent = this.settle();
    assert.equal(this.engine.status().role, "leader");
    return sent;
  }

  /** Everybody has acknowledged the whole log. */
  ackAll(from: readonly number[] = [2, 3]): Message[] {
    for (const id of from) this.step({ kind: "append-ack", from: id, index: this.engine.status().lastIndex });
    return this.settle();
  }

  /** The terms of the log, durable or not. */
  terms(): (number | undefined)[] {
    const { log } = this.engine.inside;
    return Array.from({ length: log.lastIndex() }, (_, i) => log.term(i + 1));
  }
}

/** Normal entries with these terms, from `first` on; the data says the index. */
export function entriesOf(first: number, terms: readonly number[]): Entry[] {
  return terms.map((term, i) => ({ term, index: first + i, type: "normal", data: bytes(`${first + i}`) }));
}

/** A membership that is not joint unless told. */
export function confState(conf: Partial<ConfState>): ConfState {
  return { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false, ...conf };
}

/** UTF-8. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The message type that has this kind among its own. */
type OfKind<K, M = Message> = M extends { readonly kind: infer Kinds } ? (K extends Kinds ? M : never) : never;

/** The messages of one kind. */
export function only<K extends Message["kind"]>(messages: readonly Message[], kind: K): OfKind<K>[] {
  return messages.filter((m): m is Message & OfKind<K> => m.kind === kind);
}
