/**
 * The passing of time: one tick at a member, whatever its role.
 *
 * @module
 */
import { tickElection } from "./election.ts";
import { isJoint } from "./membership.ts";
import { NOBODY } from "./message.ts";
import { leaveJointIfDue } from "./proposal.ts";
import { jointVote } from "./quorum.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { becomeFollower, isPromotable, type Leader, type RaftState } from "./state.ts";
import { tickTransfer } from "./transfer.ts";

/** One tick. */
export function tick(r: RaftState): void {
  if (r.role.kind === "leader") tickLeader(r, r.role);
  else tickElection(r);
}

/**
 * How many ticks from now the first one comes that may do more than count, if nothing else happens before; Infinity if none
 * does. So a driver need not wake up for the others: ticks that only count may be given late, all at once.
 */
export function ticksToAction(r: RaftState): number {
  const { role, config, membership } = r;
  if (role.kind !== "leader") return isPromotable(r) ? Math.max(r.patienceTicks - r.electionElapsed, 1) : Infinity;
  if (isJoint(membership)) return 1;
  const quorumCheck = config.electionTicks - r.electionElapsed;
  const heartbeat = role.peers.size > 1 ? config.heartbeatTicks - role.heartbeatElapsed : Infinity;
  return Math.max(Math.min(quorumCheck, heartbeat, role.transfer?.ticksLeft ?? Infinity), 1);
}

function tickLeader(r: RaftState, leader: Leader): void {
  if (++r.electionElapsed >= r.config.electionTicks) {
    r.electionElapsed = 0;
    if (r.config.checkQuorum && !keepsQuorum(r, leader)) {
      becomeFollower(r, r.term, NOBODY);
      return;
    }
  }
  tickTransfer(leader);
  // A transfer may have kept the leader from proposing this when it was due.
  leaveJointIfDue(r);
  if (++leader.heartbeatElapsed >= r.config.heartbeatTicks) {
    leader.heartbeatElapsed = 0;
    broadcastHeartbeat(r, leader);
  }
}

/** Whether a quorum was heard from since the last check (thesis §6.2); starts the next period. */
function keepsQuorum(r: RaftState, { peers }: Leader): boolean {
  const outcome = jointVote(r.membership, (id) => peers.get(id)?.recentlyActive ?? false);
  for (const [id, progress] of peers) {
    if (id !== r.config.id) progress.recentlyActive = false;
  }
  return outcome === "won";
}
