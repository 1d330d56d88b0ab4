import assert from "node:assert/strict";
import { VOTE_OUTCOME_IDS_MAX, voteOutcomeOf, voteOutcomeTrailers } from "../../../core/plugin/vote_outcome.ts";

Deno.test("voteOutcomeTrailers: ids by kind, and back", () => {
  const outcome = { demoted: ["b", "c"], promoted: [], kept: ["d"], pending: [] };
  const trailers = voteOutcomeTrailers(outcome);
  assert.deepEqual(trailers, { "raft-demoted": "b,c", "raft-kept": "d" });
  assert.deepEqual(voteOutcomeOf(new Map(Object.entries(trailers))), outcome);
});

Deno.test("voteOutcomeTrailers: more ids than a trailer names are counted", () => {
  const ids = Array.from({ length: VOTE_OUTCOME_IDS_MAX + 1 }, (_, i) => `n${i}`);
  const said = (pending: string[]) =>
    voteOutcomeTrailers({ demoted: [], promoted: [], kept: [], pending })["raft-pending"]?.split(",");
  assert.deepEqual(said(ids.slice(1)), ids.slice(1));
  assert.deepEqual(said(ids), [...ids.slice(0, -1), "+1"]);
});
