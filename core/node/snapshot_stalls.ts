/**
 * Snapshots that never arrive: a link tells when it lost one, but not when the other side did. A follower that makes no
 * progress for a while is sent its snapshot again.
 *
 * @module
 */
import type { RaftEngine } from "../raft/engine.ts";

/** A snapshot under way for so many ticks without an answer counts as lost. */
export const SNAPSHOT_TICKS_MAX = 600;

/** Watches the followers of a leader. */
export class SnapshotStalls {
  /** Ticks that each follower has been waiting for the snapshot at an index. */
  readonly #waiting = new Map<number, { readonly index: number; ticks: number }>();

  /** One unit of Raft time has passed. */
  tick(engine: Pick<RaftEngine, "status" | "reportSnapshot">): void {
    const { role, peers } = engine.status();
    if (role !== "leader") return this.#waiting.clear();
    for (const { id, state, pendingSnapshotIndex: index } of peers) {
      const waiting = this.#waiting.get(id);
      if (state !== "snapshot") this.#waiting.delete(id);
      else if (waiting?.index !== index) this.#waiting.set(id, { index, ticks: 0 });
      else if (++waiting.ticks >= SNAPSHOT_TICKS_MAX) {
        this.#waiting.delete(id);
        engine.reportSnapshot(id, false);
      }
    }
  }
}
