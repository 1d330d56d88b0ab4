/**
 * Bringing a follower up to date whose next entry is compacted (thesis §5.3, InstallSnapshot in one message).
 *
 * @module
 */
import type { SnapshotMeta } from "../seams/log_store.ts";
import { isMember, isMembership } from "./membership.ts";
import type { InstallSnapshot } from "./message.ts";
import type { DropReason } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { type RaftState, send, sendAfterWrite } from "./state.ts";

/** Sends the newest snapshot to a follower that shows signs of life. False if it does not, or if there is none yet. */
export function sendSnapshot(r: RaftState, to: number, progress: Progress): boolean {
  if (!progress.recentlyActive) return false;
  const snapshot = r.log.snapshot();
  if (snapshot === undefined) return false;
  progress.becomeSnapshot(snapshot.meta.index);
  send(r, { kind: "snapshot", from: r.config.id, to, term: r.term, snapshot });
  return true;
}

/** Takes a snapshot from the leader, if it says more than the log, and acknowledges what is known to be common. */
export function receiveSnapshot(r: RaftState, m: InstallSnapshot): DropReason | undefined {
  const dropped = restore(r, m);
  if (dropped === "malformed") return dropped;
  sendAfterWrite(r, { kind: "append-ack", from: r.config.id, to: m.from, term: r.term, index: r.log.committed });
  return dropped;
}

function restore(r: RaftState, { snapshot, term }: InstallSnapshot): DropReason | undefined {
  const { meta } = snapshot;
  if (!isPlausible(meta, term)) return "malformed";
  if (meta.index <= r.log.committed) return undefined;
  if (!isMember(meta.confState, r.config.id)) return "not-in-snapshot";
  if (r.log.holds(meta)) {
    // The log has all of it: knowing that it is committed is enough, and entries after it stay.
    r.log.commitTo(meta.index);
    return undefined;
  }
  r.log.restore(snapshot);
  r.membership = meta.confState;
  return undefined;
}

function isPlausible({ index, term, confState }: SnapshotMeta, leaderTerm: number): boolean {
  return Number.isSafeInteger(index) && index >= 1 && Number.isSafeInteger(term) && term >= 1 && term <= leaderTerm &&
    isMembership(confState);
}
