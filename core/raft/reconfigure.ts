/**
 * What an applied membership change, or an applied entry at all, does to a running member (thesis §4.1–§4.3).
 *
 * @module
 */
import { entriesBytes, payloadBytes } from "./entry_size.ts";
import type { ConfState, SnapshotMeta } from "../seams/log_store.ts";
import { isVoter, memberIds } from "./membership.ts";
import { NOBODY, type StorageApplyResponse } from "./message.ts";
import { Progress } from "./progress.ts";
import { leaveJointIfDue } from "./proposal.ts";
import { broadcastAppend, sendAppend, tryCommit } from "./replication.ts";
import { becomeFollower, type Leader, type RaftState } from "./state.ts";

/** From now on `membership` counts. A leader that lost its vote steps down if configured to. */
export function switchMembership(r: RaftState, membership: ConfState): void {
  r.membership = membership;
  if (r.role.kind !== "leader") return;
  const leader = r.role;
  syncPeers(r, leader);
  if (!isVoter(membership, r.config.id)) {
    if (r.config.stepDownOnRemoval) becomeFollower(r, r.term, NOBODY);
    return;
  }
  // A smaller quorum may have held an entry all along; a new member should hear at once.
  if (tryCommit(r, leader)) {
    broadcastAppend(r, leader);
  } else {
    for (const to of leader.peers.keys()) {
      if (to !== r.config.id) sendAppend(r, leader, to, false);
    }
  }
  if (leader.transfer !== undefined && !isVoter(membership, leader.transfer.to)) leader.transfer = undefined;
}

/** Keeps what is known of those who stay; a new one counts as active, or it would never be sent a snapshot. */
function syncPeers(r: RaftState, { peers }: Leader): void {
  const known = new Map(peers);
  peers.clear();
  for (const id of memberIds(r.membership)) {
    peers.set(id, known.get(id) ?? new Progress(Math.max(r.log.lastIndex(), 1), true, r.config));
  }
}

/** The state machine has applied these entries. */
export function entriesApplied(r: RaftState, { entries }: StorageApplyResponse): void {
  const last = entries.at(-1);
  if (last === undefined) return;
  r.log.appliedTo(Math.max(last.index, r.log.applied), entriesBytes(entries));
  // What was proposed in earlier terms was never counted, hence not below zero.
  if (r.role.kind === "leader") {
    r.role.uncommittedBytes = Math.max(0, r.role.uncommittedBytes - payloadBytes(entries));
  }
  leaveJointIfDue(r);
}

/** The snapshot is durable and loaded. */
export function snapshotApplied(r: RaftState, { index }: SnapshotMeta): void {
  r.log.unstable.stableSnapshotTo(index);
  r.log.appliedTo(Math.max(index, r.log.applied), 0);
  leaveJointIfDue(r);
}
