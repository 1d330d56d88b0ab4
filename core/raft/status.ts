/**
 * A member's own view of itself and, if it leads, of the others; for people, metrics and promotion decisions.
 *
 * @module
 */
import type { ConfState, HardState } from "../seams/log_store.ts";
import type { RoleKind } from "./ready.ts";
import type { RaftState } from "./state.ts";

/** One follower as its leader sees it. */
export interface PeerStatus {
  readonly id: number;
  readonly state: "probe" | "replicate" | "snapshot";
  /** Last index known to be durable there. */
  readonly match: number;
  /** Next index to send. */
  readonly next: number;
  readonly learner: boolean;
  readonly paused: boolean;
  /** Heard from since the last quorum check. */
  readonly recentlyActive: boolean;
  /** Index of the snapshot on its way, 0 if none. */
  readonly pendingSnapshotIndex: number;
  /** Append messages on their way. */
  readonly inflightCount: number;
  /** No more entries may be sent before an acknowledgement. */
  readonly inflightFull: boolean;
}

/** One member. */
export interface RaftStatus {
  readonly id: number;
  readonly role: RoleKind;
  /** 0 if unknown. */
  readonly leader: number;
  /** The term, vote and commit index as of now, durable or not. */
  readonly hardState: HardState;
  readonly appliedIndex: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** As of the last applied change. */
  readonly membership: ConfState;
  /** To whom a transfer is under way, 0 if to nobody. */
  readonly transferee: number;
  /** Reads that wait for confirmation, at a leader. */
  readonly pendingReadsCount: number;
  /** At a leader all members, itself included, by id; otherwise empty. */
  readonly peers: readonly PeerStatus[];
}

/** Looks; changes nothing. */
export function statusOf(r: RaftState): RaftStatus {
  const leader = r.role.kind === "leader" ? r.role : undefined;
  return {
    id: r.config.id,
    role: r.role.kind,
    leader: r.lead,
    hardState: hardStateOf(r),
    appliedIndex: r.log.applied,
    firstIndex: r.log.firstIndex(),
    lastIndex: r.log.lastIndex(),
    membership: r.membership,
    transferee: leader?.transfer?.to ?? 0,
    pendingReadsCount: leader?.reads.count ?? 0,
    peers: peersOf(r),
  };
}

/** What must survive a crash, as of now. */
export function hardStateOf(r: RaftState): HardState {
  return { term: r.term, vote: r.vote, commit: r.log.committed };
}

const NO_PEERS: readonly PeerStatus[] = [];

function peersOf(r: RaftState): readonly PeerStatus[] {
  if (r.role.kind !== "leader") return NO_PEERS;
  return [...r.role.peers].map(([id, progress]) => {
    const { state } = progress;
    return {
      id,
      state: state.kind,
      match: progress.match,
      next: progress.next,
      learner: r.membership.learners.includes(id),
      paused: progress.paused,
      recentlyActive: progress.recentlyActive,
      pendingSnapshotIndex: state.kind === "snapshot" ? state.index : 0,
      inflightCount: state.kind === "replicate" ? state.inflights.count : 0,
      inflightFull: progress.full,
    };
  });
}
