/**
 * What is true of one member between any two calls; tests and simulation check it after each.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { isMembership, memberIds } from "./membership.ts";
import { NOBODY } from "./message.ts";
import type { Progress } from "./progress.ts";
import type { Leader, RaftState } from "./state.ts";

/**
 * Checks everything.
 *
 * @throws {InvariantError} On the first contradiction.
 */
export function checkState(r: RaftState): void {
  const { config, role, term, lead } = r;
  r.log.checkInvariants();
  assert(isMembership(r.membership), "The membership is one that changes can lead to");
  const { electionTicks, spreadTicks = electionTicks, retryTicks = electionTicks } = config;
  const isCampaigning = role.kind === "candidate" || role.kind === "pre-candidate";
  const leastTicks = isCampaigning ? Math.min(electionTicks, retryTicks) : electionTicks;
  const patienceEnd = electionTicks + spreadTicks;
  const waitsEnd = isCampaigning ? Math.max(patienceEnd, 2 * retryTicks) : patienceEnd;
  assert(r.patienceTicks >= leastTicks, "A member waits at least once the timeout of its role");
  assert(r.patienceTicks < waitsEnd, "A member waits no longer than the timeout of its role");
  assert(term > 0 || (r.vote === NOBODY && lead === NOBODY), "Nothing happens in term 0");
  // A group may be founded on a snapshot of term 1 before anybody has entered that term.
  assert(r.log.lastId().term <= term || r.log.lastIndex() <= r.log.committed, "No entry is from a future term");
  switch (role.kind) {
    case "follower":
      assert(lead !== config.id, "A follower follows somebody else");
      break;
    case "pre-candidate":
      assert(lead === NOBODY, "Who campaigns knows no leader");
      break;
    case "candidate":
      assert(lead === NOBODY, "Who campaigns knows no leader");
      assert(r.vote === config.id, "A candidate votes for itself");
      break;
    case "leader":
      assert(lead === config.id && r.vote === config.id, "A leader was elected, with its own vote");
      checkLeader(r, role);
  }
}

function checkLeader(r: RaftState, leader: Leader): void {
  const ids = memberIds(r.membership);
  assert(ids.length === leader.peers.size && ids.every((id) => leader.peers.has(id)), "A leader knows all members");
  assert(leader.pendingConfIndex <= r.log.lastIndex(), "A pending membership change is in the log");
  assert(leader.uncommittedBytes >= 0, "Sizes are not negative");
  assert(leader.reads.count <= r.config.maxPendingReadsCount, "Reads that wait are limited");
  assert(leader.transfer === undefined || leader.transfer.ticksLeft > 0, "A transfer has a deadline ahead");
  assert(leader.transfer?.to !== r.config.id, "A leader hands over to somebody else");
  for (const progress of leader.peers.values()) checkProgress(r, progress);
}

function checkProgress(r: RaftState, progress: Progress): void {
  assert(progress.match < progress.next, "What is known to match was sent");
  assert(progress.match <= r.log.lastIndex(), "A follower matches no more than there is");
  assert(progress.next <= r.log.lastIndex() + 1, "What was sent is in the log");
  if (progress.state.kind !== "replicate") return;
  assert(progress.state.inflights.count <= r.config.maxInflightAppendsCount, "The window is limited");
}
