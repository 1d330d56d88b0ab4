/**
 * Taking proposals into the leader's log, and the rules for membership changes among them (thesis §4.1, §4.3).
 *
 * One change at a time: the next is taken only when all of the log that may hold an earlier one is applied, and not
 * before the leader has committed an entry of its own term. A change that is refused becomes an empty
 * entry, so that the others of its batch keep their places.
 *
 * @module
 */
import { type ConfChange, confChangeOf, LEAVE_JOINT, proposedConfChange } from "./conf_change.ts";
import { changeMembership, isJoint } from "./membership.ts";
import { NOBODY, type ProposedEntry } from "./message.ts";
import type { ConfChangeRefusal, ProposeResult } from "./outcome.ts";
import { appendAsLeader, broadcastAppend } from "./replication.ts";
import { hasCommittedInTerm, type Leader, type RaftState, send } from "./state.ts";

const EMPTY_ENTRY: ProposedEntry = { type: "normal", data: new Uint8Array(0) };

/** Appends at the leader, or passes on to the leader. `from` is the member where the proposal was made. */
export function propose(r: RaftState, from: number, entries: readonly ProposedEntry[]): ProposeResult {
  if (r.role.kind === "leader") return proposeAsLeader(r, r.role, entries);
  if (r.lead === NOBODY) return { kind: "refused", why: "no-leader" };
  if (!r.config.forwardProposals) return { kind: "refused", why: "not-leader" };
  send(r, { kind: "propose", from, to: r.lead, term: 0, entries });
  return { kind: "forwarded", to: r.lead };
}

/** Leaves a joint configuration that ends by itself, once it is applied. Does nothing if that is proposed already. */
export function leaveJointIfDue(r: RaftState): void {
  if (r.role.kind !== "leader" || !r.membership.autoLeave || !hasCommittedInTerm(r)) return;
  if (r.log.applied >= r.role.pendingConfIndex) proposeAsLeader(r, r.role, [proposedConfChange(LEAVE_JOINT)]);
}

function proposeAsLeader(r: RaftState, leader: Leader, entries: readonly ProposedEntry[]): ProposeResult {
  if (!leader.peers.has(r.config.id)) return { kind: "refused", why: "not-member" };
  if (leader.transfer !== undefined) return { kind: "refused", why: "transferring" };
  const admitted = admit(r, leader, entries);
  const index = appendAsLeader(r, leader, admitted.entries);
  if (index === undefined) return { kind: "refused", why: "too-busy" };
  leader.pendingConfIndex = admitted.pendingConfIndex;
  broadcastAppend(r, leader);
  const { why } = admitted;
  return why === undefined ? { kind: "appended", index, term: r.term } : { kind: "voided", index, term: r.term, why };
}

interface Admitted {
  readonly entries: readonly ProposedEntry[];
  readonly pendingConfIndex: number;
  /** Why the last refused change was refused. */
  readonly why: ConfChangeRefusal | undefined;
}

function admit(r: RaftState, leader: Leader, proposed: readonly ProposedEntry[]): Admitted {
  const start = r.log.lastIndex() + 1;
  let { pendingConfIndex } = leader;
  let why: ConfChangeRefusal | undefined;
  const entries = proposed.map((entry, i) => {
    if (entry.type === "normal") return entry;
    const refusal = refuseChange(r, confChangeOf(entry), pendingConfIndex);
    if (refusal === undefined) {
      pendingConfIndex = start + i;
      return entry;
    }
    why = refusal;
    return EMPTY_ENTRY;
  });
  return { entries, pendingConfIndex, why };
}

function refuseChange(
  r: RaftState,
  change: ConfChange | undefined,
  pendingConfIndex: number,
): ConfChangeRefusal | undefined {
  if (change === undefined) return "malformed";
  if (!r.config.validateConfChanges) return undefined;
  if (pendingConfIndex > r.log.applied || !hasCommittedInTerm(r)) return "change-pending";
  if (change.steps.length === 0 && !isJoint(r.membership)) return "not-joint";
  const result = changeMembership(r.membership, change);
  return result.kind === "refused" ? result.why : undefined;
}
