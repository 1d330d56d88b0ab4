/**
 * Snapshots on their way to followers: which ones there are, and which never arrive. A link tells when it lost one, but not
 * when the other side did; a follower that makes no progress for a while is sent its snapshot again.
 *
 * @module
 */
import type { RaftEngine } from "../raft/engine.ts";

/** A snapshot under way for so many ticks without an answer or a part that moves counts as lost. */
export const SNAPSHOT_TICKS_MAX = 600;
/** A follower whose snapshot was lost is expected to be sent the same one again within so many ticks. */
export const SNAPSHOT_RESUME_TICKS = 100;

/** A follower that was last sent the snapshot at `index`. */
interface Waiting {
  readonly index: number;
  /** Since something moved. */
  ticks: number;
  /** Since it was lost; 0 while it is under way. */
  lostTicks: number;
}

/** Watches the followers of a leader. */
export class SnapshotStalls {
  readonly #waiting = new Map<number, Waiting>();

  /** True if nobody waits for a snapshot, as far as was looked. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** One unit of Raft time has passed; may be left out while it is empty and no snapshot is being sent. */
  tick(engine: Pick<RaftEngine, "status" | "reportSnapshot">): void {
    this.#look(engine);
    for (const [id, waiting] of this.#waiting) {
      if (waiting.lostTicks > 0) {
        if (waiting.lostTicks++ > SNAPSHOT_RESUME_TICKS) this.#waiting.delete(id);
      } else if (++waiting.ticks > SNAPSHOT_TICKS_MAX) {
        waiting.lostTicks = 1;
        engine.reportSnapshot(id, false);
      }
    }
  }

  /** A part of a snapshot has arrived at this follower. */
  moved(id: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting) waiting.ticks = 0;
  }

  /** Index of the oldest snapshot that a follower is being sent, or was a moment ago; `undefined` if none is. */
  oldest(engine: Pick<RaftEngine, "status">): number | undefined {
    this.#look(engine);
    let oldest: number | undefined;
    for (const { index } of this.#waiting.values()) oldest = Math.min(oldest ?? index, index);
    return oldest;
  }

  #look(engine: Pick<RaftEngine, "status">): void {
    const { role, peers } = engine.status();
    if (role !== "leader") return this.#waiting.clear();
    const known = new Set<number>();
    for (const { id, state, match, pendingSnapshotIndex: index } of peers) {
      known.add(id);
      const waiting = this.#waiting.get(id);
      if (state === "snapshot") {
        if (waiting?.index !== index || waiting.lostTicks > 0) this.#waiting.set(id, { index, ticks: 0, lostTicks: 0 });
      } else if (waiting && match >= waiting.index) this.#waiting.delete(id);
      else if (waiting && waiting.lostTicks === 0) waiting.lostTicks = 1;
    }
    for (const id of this.#waiting.keys()) if (!known.has(id)) this.#waiting.delete(id);
  }
}
