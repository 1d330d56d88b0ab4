/**
 * The directives of quorum transcripts: `committed` and `vote` over one voter set or two.
 *
 * @module
 */
import assert from "node:assert/strict";
import { jointIndex, jointVote, majorityIndex, majorityVote, type VoteOutcome } from "../../../../core/raft/quorum.ts";
import type { Directive } from "./datadriven.ts";

const OUTCOMES: Record<VoteOutcome, string> = { won: "VoteWon", lost: "VoteLost", pending: "VotePending" };

/** Carries out one directive; also holds the results to the symmetries that they must have. */
export function handleQuorum(d: Directive): string {
  const list = (key: string) => d.args.find((arg) => arg.key === key)?.values;
  const voters = unique(list("cfg") ?? []);
  const second = list("cfgj");
  const outgoing = second === undefined || second[0] === "zero" ? [] : unique(second);
  const all = unique([...voters, ...outgoing].map(String), false);
  const given = list(d.command === "vote" ? "votes" : "idx") ?? [];
  if (given.length !== all.length) {
    const ids = [...all].sort((a, b) => a - b);
    return `error: mismatched input (explicit or _) for voters ${describeIds(ids)}: ${describeInput(d, given)}`;
  }
  const said = new Map(all.map((id, i) => [id, given[i] ?? "_"]));
  return d.command === "vote"
    ? vote(voters, outgoing, second !== undefined, said)
    : committed(voters, outgoing, second !== undefined, said);
}

function committed(voters: number[], outgoing: number[], joint: boolean, said: Map<number, string>): string {
  const acked = (id: number) => said.get(id) === "_" ? 0 : Number(said.get(id) ?? 0);
  const result = jointIndex({ voters, votersOutgoing: outgoing }, acked);
  assert.equal(jointIndex({ voters: outgoing, votersOutgoing: voters }, acked), result, "symmetry");
  if (!joint) {
    assert.equal(majorityIndex(voters, acked), result, "joint with nobody");
    assert.equal(jointIndex({ voters, votersOutgoing: voters }, acked), result, "joint with itself");
  }
  const ids = [...new Set([...voters, ...outgoing])].sort((a, b) => a - b);
  return `${chart(ids, said)}${result === Infinity ? "∞" : result}`;
}

function vote(voters: number[], outgoing: number[], joint: boolean, said: Map<number, string>): string {
  const cast = (id: number) => said.get(id) === "_" ? undefined : said.get(id) === "y";
  const result = jointVote({ voters, votersOutgoing: outgoing }, cast);
  assert.equal(jointVote({ voters: outgoing, votersOutgoing: voters }, cast), result, "symmetry");
  if (!joint) assert.equal(majorityVote(voters, cast), result, "joint with nobody");
  return OUTCOMES[result];
}

/** How far each voter is: a bar as long as the number of voters it is ahead of. */
function chart(ids: readonly number[], said: ReadonlyMap<number, string>): string {
  if (ids.length === 0) return "<empty majority quorum>";
  const index = (id: number) => said.get(id) === "_" ? 0 : Number(said.get(id));
  const lines = ids.map((id) => {
    const ahead = ids.filter((other) => index(other) < index(id)).length;
    const bar = said.get(id) === "_"
      ? `?${" ".repeat(ids.length)}`
      : `${"x".repeat(ahead)}>${" ".repeat(ids.length - ahead)}`;
    return `${bar} ${String(index(id)).padStart(5)}    (id=${id.toString(16)})\n`;
  });
  return `${" ".repeat(ids.length)}    idx\n${lines.join("")}`;
}

function unique(texts: readonly string[], sort = true): number[] {
  const ids = [...new Set(texts.map(Number))];
  return sort ? ids.sort((a, b) => a - b) : ids;
}

function describeIds(ids: readonly number[]): string {
  return `map[${ids.map((id) => `${id}:{}`).join(" ")}]`;
}

function describeInput(d: Directive, given: readonly string[]): string {
  return `[${
    given.map((text) => text === "_" ? "0" : d.command === "vote" ? (text === "y" ? "2" : "1") : text).join(" ")
  }]`;
}
