/**
 * How long ago this replica was in touch with the mesh: a follower with its leader, a leader with a majority of the voters;
 * and as of when it has applied what it was told to be committed. Reads of level `none` with a freshness go by it.
 *
 * A message counts when it is taken in, not when it was sent: what lay in a buffer while the process stood still looks
 * younger than it is. Who needs certainty reads `linearizable`.
 *
 * @module
 */
import type { PeerMessage } from "../raft/message.ts";
import { jointIndex } from "../raft/quorum.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { Clock } from "../seams/clock.ts";

/** Members whose last answer to a leader is remembered; one more makes it forget who was silent for longest. */
export const CONTACT_COUNT_MAX = 1024;

/** What the role contributes to the answer. */
export type ContactStatus = Pick<RaftStatus, "id" | "role" | "membership">;

/** See the module. */
export class LeaderContact {
  readonly #clock: Clock;
  readonly #appliedIndex: () => number;
  /** When each member last answered this one as its leader; who was silent for longest comes first. */
  readonly #answeredMs = new Map<number, number>();
  #heardMs = -Infinity;
  /** The highest index that a leader has told to be committed. */
  #toldIndex = 0;
  /** All that was told until this moment is applied. */
  #appliedAsOfMs = -Infinity;
  /** The next such moment, once `index` is applied. */
  #mark = { index: 0, ms: -Infinity };

  /** @param appliedIndex Of this replica, now. */
  constructor(clock: Clock, appliedIndex: () => number) {
    this.#clock = clock;
    this.#appliedIndex = appliedIndex;
  }

  /** Raft has accepted a message from another member. */
  heard(message: PeerMessage): void {
    switch (message.kind) {
      case "append":
      case "heartbeat":
        return this.#heardLeader(message.commit);
      case "snapshot":
        return this.#heardLeader(message.snapshot.meta.index);
      case "append-ack":
      case "append-reject":
      case "heartbeat-response":
        this.#answeredMs.delete(message.from);
        this.#answeredMs.set(message.from, this.#clock.monotonicMs());
        if (this.#answeredMs.size > CONTACT_COUNT_MAX) {
          for (const oldest of this.#answeredMs.keys()) return void this.#answeredMs.delete(oldest);
        }
    }
  }

  /** Milliseconds since this replica was last in touch; 0 for a leader without others, Infinity if it never was. */
  silenceMs(status: ContactStatus): number {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - Math.max(this.#heardMs, this.#majorityMs(status, nowMs));
  }

  /** Milliseconds since all that was told to be committed by then is applied; 0 if everything is. */
  lagMs({ role }: ContactStatus): number {
    const applied = this.#appliedIndex();
    if (role === "leader" || applied >= this.#toldIndex) return 0;
    this.#moveMark(applied);
    return this.#clock.monotonicMs() - this.#appliedAsOfMs;
  }

  #heardLeader(commit: number): void {
    this.#heardMs = this.#clock.monotonicMs();
    this.#toldIndex = Math.max(this.#toldIndex, commit);
    this.#moveMark(this.#appliedIndex());
  }

  #moveMark(applied: number): void {
    if (applied < this.#mark.index) return;
    this.#appliedAsOfMs = this.#mark.ms;
    this.#mark = { index: this.#toldIndex, ms: this.#heardMs };
  }

  /** When the slowest of the majority that has answered most recently did so; only a leader is answered. */
  #majorityMs({ id, role, membership }: ContactStatus, nowMs: number): number {
    if (role !== "leader" && this.#answeredMs.size === 0) return -Infinity;
    const ms = jointIndex(membership, (voter) => voter === id ? nowMs : this.#answeredMs.get(voter) ?? -Infinity);
    // Without another voter nobody confirms that it led.
    return role === "leader" || ms < nowMs ? ms : -Infinity;
  }
}
