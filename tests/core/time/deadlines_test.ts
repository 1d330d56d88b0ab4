import assert from "node:assert/strict";
import fc from "fast-check";
import { Deadlines, type Scheduled } from "../../../core/time/deadlines.ts";

interface Job extends Scheduled {
  readonly name: number;
}

function job(name: number): Job {
  return { name, deadlineMs: Infinity, deadlineSlot: -1 };
}

Deno.test("Deadlines: hands out what is due, earliest first", () => {
  const deadlines = new Deadlines<Job>();
  const jobs = [30, 10, 20, 40].map((atMs) => {
    const item = job(atMs);
    deadlines.schedule(item, atMs);
    return item;
  });
  assert.equal(deadlines.nextMs(), 10);
  assert.equal(deadlines.takeDue(9), undefined);
  assert.deepEqual([deadlines.takeDue(30), deadlines.takeDue(30), deadlines.takeDue(30)].map((due) => due?.name), [
    10,
    20,
    30,
  ]);
  assert.equal(deadlines.takeDue(30), undefined);
  assert.equal(deadlines.nextMs(), 40);
  assert.equal(jobs[1]!.deadlineSlot, -1);
  assert.equal(jobs[1]!.deadlineMs, Infinity);
});

Deno.test("Deadlines.schedule: moves a scheduled item both ways, Infinity cancels", () => {
  const deadlines = new Deadlines<Job>();
  const [a, b] = [job(1), job(2)];
  deadlines.schedule(a, 10);
  deadlines.schedule(b, 20);
  deadlines.schedule(b, 5);
  assert.equal(deadlines.nextMs(), 5);
  deadlines.schedule(b, 50);
  assert.equal(deadlines.nextMs(), 10);
  deadlines.schedule(a, Infinity);
  assert.equal(deadlines.nextMs(), 50);
  deadlines.cancel(a);
  deadlines.cancel(b);
  assert.equal(deadlines.nextMs(), Infinity);
  assert.equal(deadlines.size, 0);
});

Deno.test("Deadlines: agrees with a sorted list whatever happens", () => {
  const step = fc.record({
    item: fc.integer({ min: 0, max: 19 }),
    kind: fc.constantFrom("schedule", "cancel", "take"),
    atMs: fc.integer({ min: 0, max: 30 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const deadlines = new Deadlines<Job>();
    const items = Array.from({ length: 20 }, (_, name) => job(name));
    const model = new Map<Job, number>();
    for (const { item, kind, atMs } of steps) {
      const it = items[item]!;
      if (kind === "schedule") {
        deadlines.schedule(it, atMs);
        model.set(it, atMs);
      } else if (kind === "cancel") {
        deadlines.cancel(it);
        model.delete(it);
      } else {
        const due = deadlines.takeDue(atMs);
        const earliestMs = Math.min(Infinity, ...model.values());
        if (earliestMs > atMs) assert.equal(due, undefined);
        else {
          assert.equal(model.get(due!), earliestMs);
          model.delete(due!);
        }
      }
      deadlines.checkInvariants();
      assert.equal(deadlines.size, model.size);
      assert.equal(deadlines.nextMs(), Math.min(Infinity, ...model.values()));
    }
  }));
});

Deno.test("Deadlines.schedule: a deadline that is not a number is a bug", () => {
  assert.throws(() => new Deadlines<Job>().schedule(job(1), NaN));
});
