/**
 * A request that only the leader can answer, put to it on behalf of a caller, wherever the lead goes meanwhile.
 *
 * What this node knows of the leader may be old, most of all right after a hand-over. A node that is asked and does not lead
 * says so and has done nothing; then this node waits until it knows better itself, and asks again.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import type { RaftStatus } from "../raft/status.ts";
import { withDeadline } from "./deadline.ts";

/** So many nodes are asked, one after the other. */
export const LEADERS_ASKED_MAX = 3;

/** What Raft says here. */
export type LeaderStatus = Pick<RaftStatus, "role" | "leader" | "hardState">;

/** What this node knows, and when it knows more. `Leader` is where a leader is asked. */
export interface LeaderView<Leader> {
  status(): LeaderStatus;
  /** `undefined` while there is no leader, or this node does not know where it is. */
  leader(): Leader | undefined;
  /** See `Changes`. */
  until(condition: () => boolean, signal: AbortSignal): Promise<void>;
  /** How long to wait for a leader other than the one that was asked, in milliseconds. */
  readonly waitMs: number;
}

/** The request. */
export interface LeaderRequest<Leader, Answer> {
  /** Answers it on this node, or says why it cannot. */
  here(): Promise<Answer>;
  /** Puts it to `leader`, which answers it or says that it does not lead. */
  there(leader: Leader): Promise<Answer>;
}

/** The leader's answer. @throws {MeshError} What the last one that was asked said, or {@linkcode LeaderRequest.here}. */
export async function askLeader<Leader, Answer>(
  view: LeaderView<Leader>,
  request: LeaderRequest<Leader, Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  await another(view, () => true, signal);
  for (let askedCount = 1;; askedCount++) {
    const { role, leader: leaderId, hardState } = view.status();
    const leader = view.leader();
    if (role === "leader" || leader === undefined) return await request.here();
    try {
      return await request.there(leader);
    } catch (error) {
      const hasMoved = error instanceof MeshError && (error.reason === "not-leader" || error.reason === "no-leader");
      if (!hasMoved || askedCount === LEADERS_ASKED_MAX) throw error;
      // The same node in a later term has won again.
      const isNews = (now: LeaderStatus) => now.leader !== leaderId || now.hardState.term !== hardState.term;
      if (!await another(view, isNews, signal)) throw error;
    }
  }
}

/** Waits for a leader that is news; false if there is none in time. */
async function another<Leader>(
  view: LeaderView<Leader>,
  isNews: (status: LeaderStatus) => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const isKnown = () => view.leader() !== undefined && isNews(view.status());
  try {
    await withDeadline(view.waitMs, signal, (limit) => view.until(isKnown, limit));
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
