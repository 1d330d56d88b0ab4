import assert from "node:assert/strict";
import fc from "fast-check";
import { jointIndex, jointVote, majority, majorityIndex, majorityVote } from "../../../core/raft/quorum.ts";

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 5 });
const acks = fc.array(fc.nat({ max: 6 }), { minLength: 8, maxLength: 8 });
const votes = fc.array(fc.option(fc.boolean(), { nil: undefined }), { minLength: 8, maxLength: 8 });

/** All subsets, the slow way. */
function subsets(items: readonly number[]): number[][] {
  const [head, ...tail] = items;
  if (head === undefined) return [[]];
  const rest = subsets(tail);
  return [...rest, ...rest.map((set) => [head, ...set])];
}

/** The largest index that every member of some majority holds. */
function slowIndex(voters: readonly number[], acked: (id: number) => number): number {
  const quorums = subsets(voters).filter((set) => set.length * 2 > voters.length);
  return voters.length === 0 ? Infinity : Math.max(...quorums.map((set) => Math.min(...set.map(acked))));
}

Deno.test("majority: more than half", () => {
  assert.deepEqual([1, 2, 3, 4, 5].map(majority), [1, 2, 2, 3, 3]);
});

Deno.test("majorityIndex: equals the best over all majorities", () => {
  fc.assert(fc.property(ids, acks, (voters, acked) => {
    const at = (id: number) => acked[id] ?? 0;
    assert.equal(majorityIndex(voters, at), slowIndex(voters, at));
  }));
});

Deno.test("jointIndex: the lower of both halves, in either order", () => {
  fc.assert(fc.property(ids, ids, acks, (voters, votersOutgoing, acked) => {
    const at = (id: number) => acked[id] ?? 0;
    const expected = Math.min(slowIndex(voters, at), slowIndex(votersOutgoing, at));
    assert.equal(jointIndex({ voters, votersOutgoing }, at), expected);
    assert.equal(jointIndex({ voters: votersOutgoing, votersOutgoing: voters }, at), expected);
  }));
});

Deno.test("majorityVote: won or lost exactly when no missing vote could change it", () => {
  fc.assert(fc.property(ids, votes, (voters, cast) => {
    const missing = voters.filter((id) => cast[id] === undefined);
    const outcomes = subsets(missing).map((yes) => {
      const count = voters.filter((id) => cast[id] ?? yes.includes(id)).length;
      return voters.length === 0 || count * 2 > voters.length;
    });
    const expected = outcomes.every((won) => won) ? "won" : outcomes.some((won) => won) ? "pending" : "lost";
    assert.equal(majorityVote(voters, (id) => cast[id]), expected);
  }));
});

Deno.test("jointVote: both halves must win, either may lose it", () => {
  fc.assert(fc.property(ids, ids, votes, (voters, votersOutgoing, cast) => {
    const at = (id: number) => cast[id];
    const halves = [majorityVote(voters, at), majorityVote(votersOutgoing, at)];
    const expected = halves.includes("lost") ? "lost" : halves.includes("pending") ? "pending" : "won";
    assert.equal(jointVote({ voters, votersOutgoing }, at), expected);
  }));
});
