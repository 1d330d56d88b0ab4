/**
 * Linearizable reads without a log entry (thesis §6.4): the leader notes its commit index, makes sure with one round of
 * heartbeats that it still led after the question came, and then lets the reader wait until that index is applied.
 *
 * Rounds are counted by the leader, per term, and never repeat: an answer to an old round, or to a round of an earlier
 * term, confirms no later question, whatever its caller put into the context. All questions between two rounds share
 * the next one. Before the first commit of its term a leader does not know what is committed, so questions wait.
 *
 * Leaves out reads on a leader lease: they lean on clocks that drift.
 *
 * @module
 */
import { jointIndex, type VoterSets } from "./quorum.ts";

/** A question, and where the answer goes. */
export interface ReadRequest {
  /** The member whose caller asked. */
  readonly from: number;
  readonly context: Uint8Array;
}

/** A question whose answer is `index`. */
export interface ConfirmedRead extends ReadRequest {
  readonly index: number;
}

interface UnconfirmedRead extends ConfirmedRead {
  /** Any round from this one on proves that the leader led when the question was asked. */
  readonly round: number;
}

/** The reads of one leader in one term; a new leadership starts with a new, empty queue. */
export class ReadQueue {
  readonly #self: number;
  readonly #maxCount: number;
  readonly #acked = new Map<number, number>();
  #round = 0;
  /** Asked before the first commit of the term. */
  #early: ReadRequest[] = [];
  /** In order of rounds. */
  #unconfirmed: UnconfirmedRead[] = [];

  constructor(self: number, maxCount: number) {
    this.#self = self;
    this.#maxCount = maxCount;
  }

  /** Reads that wait. */
  get count(): number {
    return this.#early.length + this.#unconfirmed.length;
  }

  get full(): boolean {
    return this.count >= this.#maxCount;
  }

  /** Whether a read waits for a round that has not been sent. */
  get needsRound(): boolean {
    return (this.#unconfirmed.at(-1)?.round ?? 0) > this.#round;
  }

  /** Asked before the first commit of the term: waits for {@linkcode ReadQueue.releaseEarly}. */
  askEarly(request: ReadRequest): void {
    this.#early.push(request);
  }

  /** Asked while `commit` is the commit index. */
  ask({ from, context }: ReadRequest, commit: number): void {
    this.#unconfirmed.push({ from, context, index: commit, round: this.#round + 1 });
  }

  /** The first commit of the term is known. */
  releaseEarly(commit: number): void {
    const early = this.#early;
    this.#early = [];
    for (const request of early) this.ask(request, commit);
  }

  /** Starts a round: the number to put into its heartbeats. */
  nextRound(): number {
    return ++this.#round;
  }

  /** `from` answered a heartbeat of `round`. */
  acknowledge(from: number, round: number): void {
    if (round > this.#round) return;
    this.#acked.set(from, Math.max(round, this.#acked.get(from) ?? 0));
  }

  /** Takes out the reads that a quorum of `sets` has confirmed by now, oldest first. */
  takeConfirmed(sets: VoterSets): readonly ConfirmedRead[] {
    if (this.#unconfirmed.length === 0) return [];
    const confirmed = jointIndex(sets, (id) => id === this.#self ? this.#round : this.#acked.get(id) ?? 0);
    const open = this.#unconfirmed.findIndex((read) => read.round > confirmed);
    return this.#unconfirmed.splice(0, open < 0 ? this.#unconfirmed.length : open);
  }
}
