import assert from "node:assert/strict";
import { type Job, type Played, playJob } from "./job.ts";

const JOB: Job = { first: 3, every: 2, count: 2, events: 300, fsm: "map", without: [], lines: undefined };

async function played(job: Job): Promise<Played[]> {
  const all: Played[] = [];
  await playJob(job, (one) => all.push(one));
  return all;
}

Deno.test("playJob: plays every n-th seed, and tells of each", async () => {
  const both = await played(JOB);
  assert.equal(both.length, 2);
  const [third] = await played({ ...JOB, count: 1 });
  const [fifth] = await played({ ...JOB, first: 5, count: 1 });
  assert.deepEqual(both.map(({ eventsCount }) => eventsCount), [third?.eventsCount, fifth?.eventsCount]);
  assert.deepEqual(both.map(({ failure, summary }) => [failure, summary]), Array(2).fill([undefined, undefined]));
  assert.match(third?.summary ?? "", /"traceHash": "[0-9a-f]{16}"/);
});
