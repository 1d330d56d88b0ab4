/**
 * Partial connections that stop other systems (Howard & Abraham 2020; Ng et al., OmniPaxos 2023). Nothing heals here.
 */
import assert from "node:assert/strict";
import { type Lab, scenario } from "../lab.ts";

/** Only pairs in `links` hear each other. */
function connectOnly(lab: Lab, links: readonly (readonly [number, number])[]): void {
  const ids = [...lab.world.members.keys()];
  const isLinked = (a: number, b: number) => links.some(([x, y]) => (x === a && y === b) || (x === b && y === a));
  for (const a of ids) for (const b of ids) if (a !== b && !isLinked(a, b)) lab.cut(a, b);
}

/** Terms that pass in a minute. */
function termsPerMinute(lab: Lab): number {
  const newest = () => Math.max(...[...lab.world.members.values()].map(({ engine }) => engine?.raw.term ?? 0));
  const before = newest();
  lab.run(60_000);
  return newest() - before;
}

scenario("liveness: a leader that can send but not hear is replaced", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  lab.cut(2, 1);
  lab.cut(3, 1);
  lab.expectWork(2, 3);
  assert(termsPerMinute(lab) <= 1, "and then there is peace");
});

scenario("liveness: a member that can hear but not send disturbs nobody", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  lab.cut(3, 1);
  lab.cut(3, 2);
  lab.expectWork(1, 2);
  assert.equal(termsPerMinute(lab), 0);
  assert(lab.leads(1));
});

scenario("liveness: a member that can send but not hear disturbs nobody", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  lab.cut(1, 3);
  lab.cut(2, 3);
  lab.expectWork(1, 2);
  assert.equal(termsPerMinute(lab), 0);
  assert(lab.leads(1));
});

scenario("liveness: quorum loss, only one member has a quorum and it takes the lead", { voters: 5 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3, 4, 5);
  connectOnly(lab, [[3, 1], [3, 2], [3, 4], [3, 5]]);
  lab.until("3 leads", () => lab.leads(3));
  lab.expectWork(3);
  lab.settle(1, 2, 3, 4, 5);
  assert.equal(termsPerMinute(lab), 0);
});

scenario("liveness: a chain, the ends do not hear each other and the middle stays", { voters: 3 }, (lab) => {
  lab.elect(2);
  lab.settle(1, 2, 3);
  connectOnly(lab, [[1, 2], [2, 3]]);
  lab.expectWork(1, 2, 3);
  assert.equal(termsPerMinute(lab), 0);
  assert(lab.leads(2));
});

scenario("liveness: a chain with a leader at its end keeps that leader, without the far end", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  connectOnly(lab, [[1, 2], [2, 3]]);
  // 2 hears its leader and votes for nobody: 1 and 2 work, and 3 waits until somebody reaches it.
  lab.expectWork(1, 2);
  assert.equal(termsPerMinute(lab), 0);
  lab.mend();
  lab.expectWork(1, 2, 3);
});

scenario(
  "liveness: constrained election, the only member with a quorum lacks an entry; a known limit",
  { voters: 5 },
  (lab) => {
    lab.elect(1);
    lab.settle(1, 2, 3, 4, 5);
    // 3 misses an entry that the others commit; then the leader is gone, and nobody but 3 reaches a quorum.
    lab.isolate(3);
    lab.written(1, 1, 1);
    lab.settle(1, 2, 4, 5);
    lab.mend();
    connectOnly(lab, [[3, 2], [3, 4], [3, 5]]);
    lab.run(1000);
    lab.until("1 gives up", () => !lab.leads(1));
    lab.run(30_000);
    // Raft elects the most complete log of a quorum; whoever has it reaches none. One more link is enough.
    assert.equal(lab.world.leader(), undefined, "if this works now, say so where the limit is documented");
    lab.mend();
    connectOnly(lab, [[3, 2], [3, 4], [3, 5], [2, 4]]);
    lab.expectWork(2, 3, 4);
  },
);
