/**
 * How many proposals per second go through the Raft engine alone: three members in one thread, each with its log in
 * memory, and messages handed over as objects. No disk, no network, no state machine.
 *
 *   deno task bench:raft-engine [--json]
 *
 * `clients` proposals of `bytes` each are under way at a time; one counts when the leader applies it, and the next one is
 * made then. `wire` lets each message through the codec that members use. Each figure is the best of its rounds, so that
 * a busy machine disturbs less; `appends` is how many append messages one proposal took.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { decodeMessage, encodeMessage } from "../../core/raft/codec.ts";
import { RAFT_DEFAULTS } from "../../core/raft/config.ts";
import { RaftEngine } from "../../core/raft/engine.ts";
import { MemoryStorage } from "../../core/raft/memory_storage.ts";
import { isPeerMessage, type PeerMessage } from "../../core/raft/message.ts";
import { SeededRandom } from "../twins/seeded_random.ts";

interface Figure {
  readonly clients: number;
  readonly bytes: number;
  readonly wire: boolean;
  readonly proposalsPerSecond: number;
  readonly appends: number;
}

const IDS = [1, 2, 3] as const;
const LEADER = 1;
const CLIENTS = [1, 16, 64, 256, 1000];
const PROPOSAL_BYTES = 256;
const ROUND_COUNT = 5;
const ROUND_MS = 400;
/** Entries that are kept behind the applied index. */
const TRAILING_ENTRIES = 1000;
const COMPACTION_ENTRIES = 10_000;

/** One engine and its log. */
class Member {
  readonly engine: RaftEngine;
  readonly #storage = new MemoryStorage();
  #applied = 0;
  #compacted = 0;

  constructor(id: number) {
    this.#storage.setConfState({ voters: IDS, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false });
    const random = new SeededRandom(id);
    this.engine = new RaftEngine({ ...RAFT_DEFAULTS, id, random, appliedIndex: 0 }, this.#storage);
  }

  get applied(): number {
    return this.#applied;
  }

  /** Does what one `Ready` says, in its order. */
  turn(send: (message: PeerMessage) => void): void {
    const ready = this.engine.ready();
    for (const message of ready.messages) if (isPeerMessage(message)) send(message);
    if (ready.entries.length > 0) this.#storage.append(ready.entries);
    if (ready.hardState) this.#storage.setHardState(ready.hardState);
    for (const message of ready.responses) if (isPeerMessage(message)) send(message);
    this.#applied = ready.committedEntries.at(-1)?.index ?? this.#applied;
    this.engine.advance();
    if (this.#applied < this.#compacted + COMPACTION_ENTRIES) return;
    this.#compacted = this.#applied - TRAILING_ENTRIES;
    this.#storage.compact(this.#compacted);
  }
}

/** Three members and what is on its way between them. */
class Group {
  readonly #members: readonly Member[] = IDS.map((id) => new Member(id));
  readonly #wire: boolean;
  #queue: PeerMessage[] = [];
  appends = 0;

  constructor(wire: boolean) {
    this.#wire = wire;
    const { engine } = this.#member(LEADER);
    assert.equal(engine.campaign(), undefined);
    while (this.#turnAll());
    assert.equal(engine.status().role, "leader");
  }

  /** Proposes until `endMs`, with `clients` proposals under way. Returns how many were applied. */
  run(clients: number, data: Uint8Array, endMs: number): number {
    const leader = this.#member(LEADER);
    const first = leader.applied;
    let last = first;
    do {
      while (last - leader.applied < clients) {
        const result = leader.engine.propose(data);
        assert(result.kind === "appended");
        last = result.index;
      }
      this.#turnAll();
    } while (performance.now() < endMs);
    const count = leader.applied - first;
    while (this.#turnAll());
    assert(this.#members.every(({ applied }) => applied === last), "everybody has applied everything");
    return count;
  }

  /** One turn of every member that has something to do, then all its messages. False if there was nothing. */
  #turnAll(): boolean {
    let isBusy = false;
    for (const member of this.#members) {
      if (!member.engine.hasReady()) continue;
      member.turn(this.#send);
      isBusy = true;
    }
    const messages = this.#queue;
    this.#queue = [];
    for (const message of messages) this.#member(message.to).engine.step(message);
    return isBusy || messages.length > 0;
  }

  readonly #send = (message: PeerMessage): void => {
    if (message.kind === "append") this.appends++;
    this.#queue.push(this.#wire ? recoded(message) : message);
  };

  #member(id: number): Member {
    const member = this.#members[id - 1];
    assert(member !== undefined);
    return member;
  }
}

function recoded(message: PeerMessage): PeerMessage {
  const decoded = decodeMessage(encodeMessage(message));
  assert(typeof decoded !== "string");
  return decoded;
}

function measure(clients: number, wire: boolean): Figure {
  const group = new Group(wire);
  const data = new Uint8Array(PROPOSAL_BYTES).fill(7);
  let best = 0;
  let total = 0;
  for (let round = 0; round < ROUND_COUNT; round++) {
    const startMs = performance.now();
    const count = group.run(clients, data, startMs + ROUND_MS);
    best = Math.max(best, count / (performance.now() - startMs) * 1000);
    total += count;
  }
  const appends = Number((group.appends / total).toFixed(2));
  return { clients, bytes: PROPOSAL_BYTES, wire, proposalsPerSecond: Math.round(best), appends };
}

if (import.meta.main) {
  const figures = [false, true].flatMap((wire) => CLIENTS.map((clients) => measure(clients, wire)));
  if (Deno.args.includes("--json")) console.log(JSON.stringify(figures));
  else console.table(figures);
}
