/**
 * Spelling suggestions for option, key and feature names.
 *
 * @module
 */

/** A suggestion is made only for names at most this many edits away. */
export const SUGGESTION_EDITS_MAX = 3;

/**
 * The candidate nearest to `name` by edit distance, `undefined` if none is close.
 *
 * @example
 * ```ts
 * import { didYouMean } from "./did_you_mean.ts";
 * import { equal } from "node:assert/strict";
 * equal(didYouMean("grpc-lisen", ["grpc-listen", "raft-listen"]), "grpc-listen");
 * ```
 */
export function didYouMean(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestEdits = Math.min(SUGGESTION_EDITS_MAX, Math.ceil(name.length / 2)) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(name, candidate);
    if (edits < bestEdits) [best, bestEdits] = [candidate, edits];
  }
  return best;
}

/** ` Did you mean "x"?`, or nothing: to append to an error message. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const near = didYouMean(name, candidates);
  return near === undefined ? "" : `. Did you mean "${near}"?`;
}

/** Levenshtein distance, two rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
