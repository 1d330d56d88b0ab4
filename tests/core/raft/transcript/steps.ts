/**
 * Membership steps as transcripts write them: `v1 l2 r3 u4`.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ConfChangeStep } from "../../../../core/raft/conf_change.ts";

/** The steps in `text`, which may be empty. */
export function parseSteps(text: string): ConfChangeStep[] {
  return text.split(/\s+/).filter((word) => word !== "").map(parseStep);
}

function parseStep(word: string): ConfChangeStep {
  const id = Number(word.slice(1));
  assert(Number.isInteger(id), `not a step: ${word}`);
  switch (word[0]) {
    case "v":
      return { operation: "add-voter", id };
    case "l":
      return { operation: "add-learner", id };
    case "r":
      return { operation: "remove", id };
    case "u":
      return { operation: "update", id };
    default:
      assert.fail(`not a step: ${word}`);
  }
}
