/**
 * Bringing a follower up to date whose next entry is compacted (thesis §5.3, InstallSnapshot in one message).
 *
 * @module
 */
import type { Snapshot, SnapshotMeta } from "../seams/log_store.ts";
import { isMembership } from "./membership.ts";
import type { InstallSnapshot } from "./message.ts";
import type { DropReason } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { type RaftState, send, sendAfterWrite, withdrawAcks } from "./state.ts";

/** Sends the newest snapshot to a follower that shows signs of life. False if it does not, or if there is none yet. */
export function sendSnapshot(r: RaftState, to: number, progress: Progress): boolean {
  if (!progress.recentlyActive) return false;
  const snapshot = r.log.snapshot();
  if (snapshot === undefined) return false;
  progress.becomeSnapshot(snapshot.meta.index);
  send(r, { kind: "snapshot", from: r.config.id, to, term: r.term, snapshot });
  return true;
}

/**
 * Takes a snapshot from the leader, if it says more than the log, and acknowledges what is known to be common.
 *
 * It waits while entries are being applied: membership changes among them must find the membership that they follow.
 */
export function receiveSnapshot(r: RaftState, m: InstallSnapshot): DropReason | undefined {
  if (!isPlausible(m.snapshot.meta, m.term)) return "malformed";
  if (r.log.applied < r.log.applying) {
    r.waitingSnapshot = m;
    return undefined;
  }
  restore(r, m.snapshot);
  sendAfterWrite(r, { kind: "append-ack", from: r.config.id, to: m.from, term: r.term, index: r.log.committed });
  return undefined;
}

/**
 * The membership of the snapshot may lack this member: it was added after that index, or is removed. Either way it holds
 * for this member as well, until it applies the entries that follow.
 */
function restore(r: RaftState, snapshot: Snapshot): void {
  const { meta } = snapshot;
  if (meta.index <= r.log.committed) return;
  if (r.log.holds(meta)) {
    // The log has all of it: knowing that it is committed is enough, and entries after it stay.
    r.log.commitTo(meta.index);
  } else {
    withdrawAcks(r, r.log.committed + 1);
    r.log.restore(snapshot);
    r.membership = meta.confState;
  }
}

function isPlausible({ index, term, confState }: SnapshotMeta, leaderTerm: number): boolean {
  return Number.isSafeInteger(index) && index >= 1 && Number.isSafeInteger(term) && term >= 1 && term <= leaderTerm &&
    isMembership(confState);
}
