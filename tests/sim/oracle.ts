/**
 * What must hold in every run (thesis Fig. 3.2 and more), against an omniscient record of it. Each check costs no more than
 * the event it follows.
 *
 *  1. at most one leader per term; a member votes once per term, also across restarts;
 *  2. a leader only appends;
 *  3. the same index and term, the same log up to there;
 *  4. a new leader's log holds everything that is committed;
 *  5. all members apply the same entries, in order, without gap or repetition;
 *  6. term, commit and applied index go forward; what was durable is there after a restart;
 *  7. what counts towards a commit, and what a message promises, is on stable storage;
 *  8. all members switch to the same memberships, one legal step at a time;
 *  9. a linearizable read sees everything that was committed when it was asked for;
 * 10. a lease has one holder at a time, as far as clocks agree;
 * 11. equal applied index, equal state;
 * 12. an installed snapshot is the state at its index, with the membership of that index;
 * 13. windows, buffers and the work in hand stay within limits;
 * 14. a group that can work does work (`liveness.ts`).
 *
 * The first violation is kept; the run stops at it.
 *
 * @module
 */
import type { ConfState, Entry, SnapshotMeta } from "../../core/seams/log_store.ts";
import type { PeerMessage } from "../../core/raft/message.ts";
import { chainHash, type Shadow } from "./shadow.ts";
import type { SimEngine } from "./engine.ts";
import type { Fingerprint } from "./machine.ts";

/** A member as far as the oracle looks at it. */
export interface Observed {
  readonly id: number;
  readonly shadow: Shadow;
  /** What the oracle remembers of the member's present process. */
  readonly seen: Seen;
}

/** See {@linkcode Observed.seen}. */
export class Seen {
  term = 0;
  commit = 0;
  applied = 0;
  ledTerm = 0;
  leaderLast = 0;
  leaderLastTerm = 0;
}

/** The first thing that went wrong. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** Number in the list above. */
  readonly invariant: number;

  constructor(invariant: number, what: string) {
    super(`invariant ${invariant}: ${what}`);
    this.invariant = invariant;
  }
}

interface Known {
  readonly term: number;
  readonly chain: number;
}

/** See the module. */
export class Oracle {
  violation: Violation | undefined;
  elections = 0;
  /** The largest index that any member knew to be committed. */
  maxCommitted = 0;
  /** By index: term and chain of what is committed. */
  readonly terms: number[] = [0];
  readonly chains: number[] = [0];
  /** By index: hash of the state after it. */
  readonly #states: Fingerprint[] = [];
  /** By index, where the membership changes. */
  readonly memberships = new Map<number, ConfState>();
  /** Membership changes that somebody has written into a log. */
  readonly proposedChanges: Entry[] = [];
  /** How far leaders of each term had committed when they last did, in order. */
  readonly #commits: { readonly term: number; index: number }[] = [];
  readonly #leaders = new Map<number, number>();
  readonly #votes = new Map<string, number>();
  readonly #logs: Known[][] = [];
  readonly #members = new Map<number, Observed>();

  /** Makes `member` known. */
  add(member: Observed): void {
    this.#members.set(member.id, member);
  }

  /** The log begins with a snapshot that nobody voted on. */
  found({ index, term, confState }: SnapshotMeta, state: Fingerprint): void {
    this.terms[index] = term;
    this.chains[index] = 1;
    this.#states[index] = state;
    this.memberships.set(index, confState);
    this.maxCommitted = index;
  }

  /** Keeps the first violation. */
  violate(invariant: number, what: string): void {
    this.violation ??= new Violation(invariant, what);
  }

  /** Hash of the committed log up to `index`. */
  chainAt(index: number): number | undefined {
    return this.chains[index];
  }

  /** The membership as of `index`. */
  membershipAt(index: number): ConfState | undefined {
    let found: ConfState | undefined;
    for (const [at, membership] of this.memberships) {
      if (at > index) break;
      found = membership;
    }
    return found;
  }

  /** Invariant 3, for entries that a member writes. */
  written(member: Observed, entries: readonly Entry[]): void {
    const { chains } = member.shadow.issued;
    for (const entry of entries) {
      const { index, term } = entry;
      if (entry.type !== "normal") this.#proposed(entry);
      const chain = chains[index] ?? 0;
      const known = this.#logs[index] ??= [];
      const same = known.find((one) => one.term === term);
      if (same === undefined) known.push({ term, chain });
      else if (same.chain !== chain) {
        this.violate(3, `two logs with ${term}/${index} differ; the second at ${member.id}`);
      }
    }
  }

  /** Invariants 1 and 7, for a message that a member sends. */
  sends(member: Observed, m: PeerMessage): void {
    const { durable, durableHard } = member.shadow;
    switch (m.kind) {
      case "vote-response":
        if (m.granted) this.#voted(member, m.term, m.to);
        return;
      case "append-ack":
        if (m.term > durableHard.term) this.violate(7, `${member.id} answers in term ${m.term} before it is durable`);
        if (m.index > durable.lastIndex) {
          this.violate(7, `${member.id} acknowledges ${m.index}, durable is ${durable.lastIndex}`);
        }
        return;
      case "vote":
      case "append":
      case "heartbeat":
      case "snapshot":
        if (m.term > durableHard.term) {
          this.violate(7, `${member.id} campaigns or leads in ${m.term} before it is durable`);
        }
    }
  }

  /** Invariants 1 to 6 and 13 as far as a member's engine shows them; after each event of the member. */
  observe(member: Observed, engine: SimEngine): void {
    const { seen } = member;
    const { term, role } = engine.raw;
    if (term < seen.term) this.violate(6, `term of ${member.id} falls from ${seen.term} to ${term}`);
    seen.term = term;
    this.commits(member, engine);
    if (role.kind === "leader") this.#leads(member, engine, term);
    const limit = engine.unstableBytesMax;
    if (engine.raw.log.unstable.bytes > limit) this.violate(13, `${member.id} holds more than ${limit} unstable bytes`);
  }

  /** Invariants 4, 5, 7 and 8 for a commit index that has moved. */
  commits(member: Observed, engine: SimEngine): void {
    const { seen } = member;
    const { log } = engine.raw;
    const commit = log.committed;
    if (commit === seen.commit) return;
    if (commit < seen.commit) this.violate(6, `commit of ${member.id} falls from ${seen.commit} to ${commit}`);
    const from = Math.max(seen.commit + 1, log.firstIndex());
    seen.commit = commit;
    if (commit > this.maxCommitted) this.#newlyCommitted(member, engine);
    for (let index = from; index <= commit; index++) {
      const term = log.term(index);
      if (term !== this.terms[index]) {
        return this.violate(5, `${member.id} commits ${term}/${index}, others ${this.terms[index]}/${index}`);
      }
    }
  }

  /** Invariants 5, 6 and 11 for an entry that a member has applied. */
  applied(member: Observed, index: number, term: number, state: Fingerprint): void {
    const { seen, shadow } = member;
    if (index !== seen.applied + 1) this.violate(5, `${member.id} applies ${index} after ${seen.applied}`);
    seen.applied = index;
    if (index > this.maxCommitted) this.violate(5, `${member.id} applies ${index}, committed is ${this.maxCommitted}`);
    else if (this.terms[index] !== term || shadow.issued.chains[index] !== this.chains[index]) {
      this.violate(5, `${member.id} applies ${term}/${index}, others ${this.terms[index]}/${index}`);
    }
    this.#sameState(member, index, state);
  }

  /** Invariants 11 and 12 for a snapshot that a member has loaded. */
  restored(member: Observed, index: number, state: Fingerprint): void {
    if (index < member.seen.applied) this.violate(12, `${member.id} goes back from ${member.seen.applied} to ${index}`);
    if (index > this.maxCommitted) this.violate(12, `${member.id} loads a state at ${index}, which is not committed`);
    member.seen.applied = index;
    this.#sameState(member, index, state);
  }

  /** Invariant 12 for a snapshot that a member installs or offers. */
  snapshot(member: Observed, { index, term, confState }: SnapshotMeta): void {
    if (this.terms[index] !== term) {
      this.violate(12, `${member.id} has a snapshot at ${term}/${index}, others ${this.terms[index]}`);
    }
    const wanted = JSON.stringify(this.membershipAt(index));
    const text = JSON.stringify(confState);
    if (text !== wanted) this.violate(12, `${member.id} has a snapshot at ${index} with ${text}, others ${wanted}`);
  }

  /** Invariant 8 for a membership change that a member has applied. */
  changed(member: Observed, index: number, before: ConfState, after: ConfState): void {
    const known = this.memberships.get(index);
    if (known !== undefined) {
      if (JSON.stringify(known) !== JSON.stringify(after)) {
        this.violate(8, `${member.id} has another membership at ${index}`);
      }
      return;
    }
    this.memberships.set(index, after);
    if (!isLegalStep(before, after)) {
      this.violate(8, `illegal step at ${index}: ${JSON.stringify(before)} to ${JSON.stringify(after)}`);
    }
  }

  #proposed(entry: Entry): void {
    const isKnown = this.proposedChanges.some(({ index, term }) => index === entry.index && term === entry.term);
    if (!isKnown) this.proposedChanges.push(entry);
  }

  #sameState(member: Observed, index: number, state: Fingerprint): void {
    if (state === undefined) return;
    const known = this.#states[index];
    if (known === undefined) this.#states[index] = state;
    else if (known !== state) this.violate(11, `${member.id} has another state at ${index}`);
  }

  #voted(member: Observed, term: number, candidate: number): void {
    const key = `${member.id} in ${term}`;
    const known = this.#votes.get(key);
    if (known === undefined) this.#votes.set(key, candidate);
    else if (known !== candidate) this.violate(1, `${key} votes for ${known} and ${candidate}`);
    const { term: durableTerm, vote } = member.shadow.durableHard;
    if (durableTerm < term || (durableTerm === term && vote !== candidate)) {
      this.violate(7, `${member.id} votes in ${term} before the vote is durable`);
    }
  }

  #leads(member: Observed, engine: SimEngine, term: number): void {
    const { seen, id } = member;
    const { log } = engine.raw;
    const last = log.lastIndex();
    if (seen.ledTerm !== term) this.#elected(member, engine, term);
    else {
      const held = log.term(seen.leaderLast);
      if (last < seen.leaderLast || (held !== undefined && held !== seen.leaderLastTerm)) {
        this.violate(2, `leader ${id} of term ${term} replaced its entry ${seen.leaderLast}`);
      }
    }
    seen.leaderLast = last;
    seen.leaderLastTerm = log.term(last) ?? 0;
  }

  #elected({ seen, id, shadow }: Observed, { raw: { log } }: SimEngine, term: number): void {
    seen.ledTerm = term;
    this.elections++;
    const other = this.#leaders.get(term);
    if (other !== undefined && other !== id) this.violate(1, `${other} and ${id} lead term ${term}`);
    this.#leaders.set(term, id);
    const vote = shadow.durableHard;
    if (vote.term < term || (vote.term === term && vote.vote !== id)) {
      this.violate(7, `${id} leads term ${term} before its own vote is durable`);
    }
    // Votes may come late: what a later leader has committed meanwhile is none of this one's business.
    const index = this.#commits.findLast((commit) => commit.term < term)?.index ?? 0;
    const own = log.term(index);
    const isThere = own === this.terms[index] || (own === undefined && index <= log.committed);
    if (!isThere) this.violate(4, `${id} leads term ${term} without the committed ${this.terms[index]}/${index}`);
  }

  /** A leader is the first to know: what it counts is checked against the disks. */
  #newlyCommitted(member: Observed, engine: SimEngine): void {
    const { log, role, term, membership } = engine.raw;
    const commit = log.committed;
    const { issued } = member.shadow;
    if (role.kind !== "leader") {
      this.violate(5, `${member.id}, a ${role.kind}, is the first to know that ${commit} is committed`);
    } else if (log.term(commit) !== term) {
      this.violate(4, `leader ${member.id} of ${term} commits ${log.term(commit)}/${commit}`);
    }
    for (let index = this.maxCommitted + 1; index <= commit; index++) {
      this.terms[index] = log.term(index) ?? 0;
      this.chains[index] = issued.chains[index] ?? 0;
    }
    this.maxCommitted = commit;
    const newest = this.#commits.at(-1);
    if (newest?.term === term) newest.index = commit;
    else this.#commits.push({ term, index: commit });
    const holds = (id: number) => this.#members.get(id)?.shadow.durable.holds(commit, term) ?? false;
    for (const voters of [membership.voters, membership.votersOutgoing]) {
      if (voters.length > 0 && voters.filter(holds).length <= voters.length / 2) {
        this.violate(7, `${term}/${commit} is durable at ${voters.filter(holds)} only, of ${voters}`);
      }
    }
  }
}

/** At most one voter at once, or into a joint membership and out of it again (thesis §4.1, §4.3). */
function isLegalStep(before: ConfState, after: ConfState): boolean {
  const isJointBefore = before.votersOutgoing.length > 0;
  const isJointAfter = after.votersOutgoing.length > 0;
  if (isJointBefore && isJointAfter) return JSON.stringify(before) === JSON.stringify(after);
  if (isJointBefore) return `${before.voters}` === `${after.voters}`;
  if (isJointAfter) return `${before.voters}` === `${after.votersOutgoing}`;
  const gone = before.voters.filter((id) => !after.voters.includes(id)).length;
  const come = after.voters.filter((id) => !before.voters.includes(id)).length;
  return gone + come <= 1 && after.voters.length > 0;
}

/** The hash of the first snapshot's log. */
export const FOUNDING_CHAIN = 1;

/** Hash of a log that ends with `entry`, for tests. */
export function chainOf(entries: readonly Entry[]): number {
  return entries.reduce(chainHash, FOUNDING_CHAIN);
}
