/**
 * What a leader knows about one follower's log, and how fast it may send (thesis §3.5, §10.2.1; flow control is ours).
 *
 * Probe: the common prefix is unknown, one append per heartbeat. Replicate: it is known, appends are sent ahead of their
 * acknowledgement, in a window. Snapshot: the follower needs entries that are gone, nothing is sent until it has caught
 * up or the snapshot is reported lost.
 *
 * @module
 */
import { assert, unreachable } from "../assert.ts";
import { Inflights } from "./inflights.ts";

/** How entries go to one follower; each state carries only its own data. */
export type ProgressState =
  | { readonly kind: "probe" }
  | { readonly kind: "replicate"; readonly inflights: Inflights }
  | { readonly kind: "snapshot"; readonly index: number };

/** Bounds of the window in replicate. */
export interface WindowLimits {
  readonly maxInflightAppendsCount: number;
  readonly maxInflightBytes: number;
}

/** One follower, or the leader itself. Invariant: `match < next`. */
export class Progress {
  readonly #limits: WindowLimits;
  #match = 0;
  #next: number;
  #sentCommit = 0;
  #state: ProgressState = { kind: "probe" };
  #paused = false;

  /** Heard from since the last quorum check. */
  recentlyActive: boolean;

  /** Nothing is known yet; the first append starts at `next`. */
  constructor(next: number, recentlyActive: boolean, limits: WindowLimits) {
    assert(next >= 1, "The first entry has index 1");
    this.#next = next;
    this.recentlyActive = recentlyActive;
    this.#limits = limits;
  }

  /** Last index known to be durable there and equal to the leader's. */
  get match(): number {
    return this.#match;
  }

  /** First index to send. */
  get next(): number {
    return this.#next;
  }

  get state(): ProgressState {
    return this.#state;
  }

  /** Whether not even an empty append may be sent now. */
  get paused(): boolean {
    return this.#state.kind === "snapshot" || this.#paused;
  }

  /** Whether the window has no room for entries. */
  get full(): boolean {
    return this.#state.kind === "replicate" && this.#state.inflights.full;
  }

  becomeProbe(): void {
    const pending = this.#state.kind === "snapshot" ? this.#state.index : 0;
    this.#enter({ kind: "probe" });
    this.#next = Math.max(this.#match, pending) + 1;
    this.#sentCommit = Math.min(this.#sentCommit, this.#next - 1);
  }

  becomeReplicate(): void {
    const { maxInflightAppendsCount, maxInflightBytes } = this.#limits;
    this.#enter({ kind: "replicate", inflights: new Inflights(maxInflightAppendsCount, maxInflightBytes) });
    this.#next = this.#match + 1;
  }

  /** A snapshot as of `index` was sent. */
  becomeSnapshot(index: number): void {
    this.#enter({ kind: "snapshot", index });
    this.#next = index + 1;
    this.#sentCommit = index;
  }

  /** The pending snapshot was delivered, or was lost: either way wait for a sign of life before sending on. */
  snapshotReported(delivered: boolean): void {
    if (this.#state.kind !== "snapshot") return;
    if (!delivered) this.#state = { kind: "snapshot", index: 0 };
    this.becomeProbe();
    this.#paused = true;
  }

  /** An append with `count` entries of `bytes` was sent from `next`, telling of `commit`. */
  appendSent(count: number, bytes: number, commit: number): void {
    switch (this.#state.kind) {
      case "probe":
        if (count > 0) this.#paused = true;
        break;
      case "replicate":
        if (count > 0) {
          this.#next += count;
          this.#state.inflights.add(this.#next - 1, bytes);
        }
        this.#paused = this.#state.inflights.full;
        break;
      case "snapshot":
        assert(false, "Nothing is appended while a snapshot is on its way");
        break;
      default:
        unreachable(this.#state);
    }
    this.#sentCommit = commit;
  }

  /** A heartbeat told of `commit`. */
  heartbeatSent(commit: number): void {
    this.#sentCommit = commit;
  }

  /** Whether an append now would tell the follower of a commit that it does not know of and can reach. */
  canLearnCommit(commit: number): boolean {
    return commit > this.#sentCommit && this.#sentCommit < this.#next - 1;
  }

  /** Heard from: one more append may go. */
  resume(): void {
    this.#paused = false;
  }

  /** `index` was acknowledged. False if that is nothing new. */
  advanceTo(index: number): boolean {
    if (index <= this.#match) return false;
    this.#match = index;
    this.#next = Math.max(this.#next, index + 1);
    this.#paused = false;
    return true;
  }

  /** Room in the window for what was acknowledged up to `index`. */
  freeUpTo(index: number): void {
    if (this.#state.kind === "replicate") this.#state.inflights.freeUpTo(index);
  }

  /**
   * The append after `rejected` was refused; `hint` is the last index that may agree.
   *
   * @returns False if the refusal is old: answered already, or overtaken by an acknowledgement.
   */
  retreat(rejected: number, hint: number): boolean {
    if (this.#state.kind === "replicate") {
      if (rejected <= this.#match) return false;
      this.#next = this.#match + 1;
    } else {
      if (this.#next - 1 !== rejected) return false;
      this.#next = Math.max(Math.min(rejected, hint + 1), this.#match + 1);
      this.#paused = false;
    }
    this.#sentCommit = Math.min(this.#sentCommit, this.#next - 1);
    return true;
  }

  #enter(state: ProgressState): void {
    this.#state = state;
    this.#paused = false;
  }
}
