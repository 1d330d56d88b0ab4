/**
 * Majorities, plain and joint (thesis §3.6.2, §4.3): what is agreed, given who said what.
 *
 * A joint configuration needs a majority of both voter sets. An empty set agrees to everything, so that a configuration
 * which is not joint is one with an empty second half. Pure mathematics: no terms, no messages.
 *
 * @module
 */

/** The outcome of a vote so far; `lost` and `won` are final. */
export type VoteOutcome = "won" | "lost" | "pending";

/** Two voter sets without duplicates, such as a `ConfState`. */
export interface VoterSets {
  readonly voters: readonly number[];
  readonly votersOutgoing: readonly number[];
}

/** How many of `count` voters are a majority. */
export function majority(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** The largest index that a majority of `voters` has acknowledged; `Infinity` without voters. */
export function majorityIndex(voters: readonly number[], acked: (id: number) => number): number {
  if (voters.length <= 2) return smallest(voters, acked);
  const indexes = voters.map(acked).sort(descending);
  return indexes[majority(voters.length) - 1] ?? 0;
}

/** The largest index that is acknowledged by both majorities. `acked` answers 0 for a voter that said nothing. */
export function jointIndex(sets: VoterSets, acked: (id: number) => number): number {
  const incoming = majorityIndex(sets.voters, acked);
  return sets.votersOutgoing.length === 0 ? incoming : Math.min(incoming, majorityIndex(sets.votersOutgoing, acked));
}

/** What `voters` decided; `vote` answers `undefined` for one that has not voted. */
export function majorityVote(voters: readonly number[], vote: (id: number) => boolean | undefined): VoteOutcome {
  if (voters.length === 0) return "won";
  let yes = 0;
  let missing = 0;
  for (const id of voters) {
    const cast = vote(id);
    if (cast === undefined) missing++;
    else if (cast) yes++;
  }
  const needed = majority(voters.length);
  if (yes >= needed) return "won";
  return yes + missing >= needed ? "pending" : "lost";
}

/** What both majorities decided: won if both won, lost if either lost. */
export function jointVote(sets: VoterSets, vote: (id: number) => boolean | undefined): VoteOutcome {
  const incoming = majorityVote(sets.voters, vote);
  const outgoing = majorityVote(sets.votersOutgoing, vote);
  if (incoming === outgoing) return incoming;
  return incoming === "lost" || outgoing === "lost" ? "lost" : "pending";
}

/** What all have acknowledged, which is what a majority of one or two needs; `Infinity` for nobody. */
function smallest(voters: readonly number[], acked: (id: number) => number): number {
  let index = Infinity;
  for (const id of voters) index = Math.min(index, acked(id));
  return index;
}

function descending(a: number, b: number): number {
  return b - a;
}
