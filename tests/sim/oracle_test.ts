/** That the judge is awake: each kind of violation, made by hand. */
import assert from "node:assert/strict";
import type { ConfState, Entry } from "../../core/seams/log_store.ts";
import { Leases } from "./leases.ts";
import { type Observed, Oracle, Seen } from "./oracle.ts";
import { Shadow } from "./shadow.ts";

const THREE: ConfState = { voters: [1, 2, 3], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

function member(oracle: Oracle, id: number): Observed {
  const observed = { id, shadow: new Shadow(), seen: new Seen() };
  oracle.add(observed);
  return observed;
}

function newOracle(): Oracle {
  const oracle = new Oracle();
  oracle.found({ index: 1, term: 1, confState: THREE }, 7);
  return oracle;
}

/** Number of the invariant that was violated. */
function found(oracle: Oracle): number | undefined {
  return oracle.violation?.invariant;
}

function entry(term: number, index: number, byte = 0): Entry {
  return { term, index, type: "normal", data: Uint8Array.of(byte) };
}

Deno.test("Oracle: two logs with the same index and term and other entries", () => {
  const oracle = newOracle();
  for (const [id, byte] of [[1, 5], [2, 6]] as const) {
    const one = member(oracle, id);
    one.shadow.append(undefined, [entry(2, 2, byte)]);
    oracle.written(one, [entry(2, 2, byte)]);
  }
  assert.equal(found(oracle), 3);
});

Deno.test("Oracle: two votes in one term, and a vote that is not durable", () => {
  const oracle = newOracle();
  const one = member(oracle, 1);
  one.shadow.acknowledge(one.shadow.append({ term: 2, vote: 2, commit: 1 }, []));
  const vote = { kind: "vote-response", from: 1, term: 2, granted: true } as const;
  oracle.sends(one, { ...vote, to: 2 });
  assert.equal(found(oracle), undefined);
  oracle.sends(one, { ...vote, to: 3 });
  assert.equal(found(oracle), 1);
  const other = newOracle();
  other.sends(member(other, 1), { ...vote, to: 2 });
  assert.equal(found(other), 7);
});

Deno.test("Oracle: an acknowledgement of what is not durable", () => {
  const oracle = newOracle();
  const one = member(oracle, 1);
  const state = one.shadow.append({ term: 2, vote: 0, commit: 0 }, [entry(1, 1), entry(2, 2)]);
  const ack = { kind: "append-ack", from: 1, to: 2, term: 2, index: 2 } as const;
  one.shadow.acknowledge(state);
  oracle.sends(one, ack);
  assert.equal(found(oracle), undefined);
  oracle.sends(one, { ...ack, index: 3 });
  assert.equal(found(oracle), 7);
});

Deno.test("Oracle: an entry applied before its commit, out of order, or to another state", () => {
  const early = newOracle();
  early.applied({ ...member(early, 1), seen: Object.assign(new Seen(), { applied: 1 }) }, 2, 2, 1);
  assert.equal(found(early), 5);
  const gap = newOracle();
  gap.applied(member(gap, 1), 3, 1, 7);
  assert.equal(found(gap), 5);
  const other = newOracle();
  other.restored(member(other, 1), 1, 8);
  assert.equal(found(other), 11);
});

Deno.test("Oracle: memberships that no legal step leads to, or that members disagree on", () => {
  const oracle = newOracle();
  const one = member(oracle, 1);
  oracle.changed(one, 5, THREE, { ...THREE, voters: [1, 2] });
  assert.equal(found(oracle), undefined);
  oracle.changed(member(oracle, 2), 5, THREE, { ...THREE, voters: [1, 3] });
  assert.equal(found(oracle), 8);
  const leap = newOracle();
  leap.changed(member(leap, 1), 5, THREE, { ...THREE, voters: [4, 5, 6] });
  assert.equal(found(leap), 8);
});

Deno.test("Shadow: a start with what was acknowledged or asked for is right, any other is wrong", () => {
  const make = () => {
    const shadow = new Shadow();
    shadow.acknowledge(shadow.append({ term: 2, vote: 1, commit: 1 }, [entry(1, 1), entry(2, 2)]));
    shadow.append({ term: 3, vote: 0, commit: 1 }, [entry(3, 3)]);
    return shadow;
  };
  const chainOf = () => 0;
  const acked = {
    hardState: { term: 2, vote: 1, commit: 1 },
    snapshot: undefined,
    entries: [entry(1, 1), entry(2, 2)],
  };
  const asked = { ...acked, hardState: { term: 3, vote: 0, commit: 1 }, entries: [...acked.entries, entry(3, 3)] };
  assert.equal(make().recover(acked, chainOf), undefined);
  assert.equal(make().recover(asked, chainOf), undefined);
  assert.match(make().recover({ ...acked, entries: [entry(1, 1)] }, chainOf) ?? "", /neither/);
  assert.match(make().recover({ ...acked, hardState: { term: 2, vote: 0, commit: 1 } }, chainOf) ?? "", /neither/);
  assert.match(make().recover({ ...acked, hardState: { term: 2, vote: 1, commit: 0 } }, chainOf) ?? "", /commit 1/);
  assert.match(make().recover({ ...acked, entries: [entry(1, 1), entry(2, 2, 9)] }, chainOf) ?? "", /neither/);
});

Deno.test("Leases: two holders at once are found, as far as clocks agree", () => {
  const exact = new Leases(0);
  assert.equal(exact.granted(1, 1, 1000, 50_000), undefined);
  assert.equal(exact.granted(1, 1, 30_000, 90_000), undefined, "renewed");
  assert.equal(exact.granted(1, 2, 89_000, 99_000), undefined, "within the rounding of the log's clock");
  assert.match(exact.granted(1, 3, 91_000, 200_000) ?? "", /held by 2/);
  const skewed = new Leases(10_000);
  assert.equal(skewed.granted(1, 1, 0, 50_000), undefined);
  assert.equal(skewed.granted(1, 2, 40_000, 90_000), undefined);
  assert.match(skewed.granted(1, 3, 41_000, 90_000) ?? "", /held by/);
});
