/** Handing leadership over, and what comes after it. */
import assert from "node:assert/strict";
import { type Answer, scenario } from "../lab.ts";

scenario("transfer: it does not outlive the leadership that it was of (hashicorp 696)", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  // The heir hears nothing.
  lab.isolate(3);
  assert.equal(lab.process(1).loop.withEngine((engine) => engine.transferLeader(3)), undefined);
  const refused = lab.write(1, 1, 1);
  lab.run(5);
  assert(refused.error !== undefined, "writes wait while a transfer is under way");
  lab.isolate(1);
  lab.until("1 steps down", () => !lab.leads(1));
  lab.mend();
  lab.elect(1);
  lab.written(1, 1, 2);
  lab.expectWork(1, 2, 3);
});

scenario("transfer: an heir that does not answer is given up, and writes go on", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  lab.crash(3);
  assert.equal(lab.process(1).loop.withEngine((engine) => engine.transferLeader(3)), undefined);
  lab.run(3000);
  assert(lab.leads(1));
  lab.written(1, 1, 2);
});

scenario("transfer: writes beside it are refused or applied, never both", { voters: 3 }, (lab) => {
  lab.elect(1);
  lab.settle(1, 2, 3);
  const answers: { readonly key: number; readonly value: number; readonly answer: Answer }[] = [];
  for (let i = 0; i < 20; i++) {
    answers.push({ value: 100 + i, key: i, answer: lab.write(1, i, 100 + i) });
    if (i === 10) lab.process(1).loop.withEngine((engine) => engine.transferLeader(2));
    lab.world.step();
  }
  lab.until("2 leads", () => lab.leads(2));
  lab.expectWork(1, 2, 3);
  lab.until("all writes have an answer", () => answers.every(({ answer }) => answer.isThere));
  for (const { key, value, answer } of answers) {
    if (answer.error === undefined) assert.equal(lab.process(2).machine.lookup(key), value);
  }
  assert(answers.some(({ answer }) => answer.error === undefined) && answers.some(({ answer }) => answer.error));
});
