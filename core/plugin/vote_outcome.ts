/**
 * What a change of the Raft ACLs did to the voters, as `v1.Admin` says it in trailing metadata: its answers have no field
 * for it.
 *
 * @module
 */
import type { RpcMetadata } from "./rpc.ts";

/** Kinds of outcome, in the order in which they are said. */
export const VOTE_OUTCOME_KINDS = ["demoted", "promoted", "kept", "pending"] as const;

/**
 * Node ids by what became of them. `demoted`: voters that are learners now. `promoted`: learners that are voters now. `kept`:
 * voters without the right to vote that still do, because without them no majority of the voters would be up. `pending`: not
 * done yet; the leader goes on with it.
 */
export type VoteOutcome = Readonly<Record<(typeof VOTE_OUTCOME_KINDS)[number], readonly string[]>>;

/** Ids in one trailer; the rest is counted, as `+3`. */
export const VOTE_OUTCOME_IDS_MAX = 32;

/** The outcome as trailing metadata: `raft-demoted: b,c`, and so on; a kind without ids is left out. */
export function voteOutcomeTrailers(outcome: VoteOutcome): Readonly<Record<string, string>> {
  const trailers: Record<string, string> = {};
  for (const kind of VOTE_OUTCOME_KINDS) {
    const ids = outcome[kind];
    const more = ids.length - VOTE_OUTCOME_IDS_MAX;
    const shown = [...ids.slice(0, VOTE_OUTCOME_IDS_MAX), ...more > 0 ? [`+${more}`] : []];
    if (ids.length > 0) trailers[`raft-${kind}`] = shown.join(",");
  }
  return trailers;
}

/** The outcome that trailing metadata says; nothing happened if it says nothing. */
export function voteOutcomeOf(trailers: RpcMetadata): VoteOutcome {
  const ids = (kind: string) => (trailers.get(`raft-${kind}`) ?? "").split(",").filter((id) => id !== "");
  return { demoted: ids("demoted"), promoted: ids("promoted"), kept: ids("kept"), pending: ids("pending") };
}
