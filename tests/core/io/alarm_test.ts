import { strict as assert } from "node:assert";
import { Alarm, atTurnEnd, delay } from "../../../core/io/alarm.ts";
import { systemClock } from "../../../core/io/clock.ts";

Deno.test("delay: resolves no earlier than asked", async () => {
  const startMs = performance.now();
  await delay(5, new AbortController().signal);
  assert.ok(performance.now() - startMs >= 4.9);
});

Deno.test("delay: rejects with the signal's reason, before and during the wait", async () => {
  const controller = new AbortController();
  const waiting = delay(1e12, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  await assert.rejects(delay(1e12, controller.signal), /enough/);
});

Deno.test("Alarm: rings once for the last armed deadline, not before it", async () => {
  const due = Promise.withResolvers<number>();
  let rings = 0;
  using alarm = new Alarm(systemClock, () => {
    rings++;
    due.resolve(systemClock.monotonicMs());
  });
  const atMs = systemClock.monotonicMs() + 5;
  alarm.arm(atMs - 4);
  alarm.arm(atMs + 1e10);
  alarm.arm(atMs);
  alarm.arm(atMs);
  assert.ok(await due.promise >= atMs);
  assert.equal(rings, 1);
});

Deno.test("Alarm: can be armed again from its own ring, also for the past", async () => {
  const done = Promise.withResolvers<void>();
  let rings = 0;
  using alarm: Alarm = new Alarm(systemClock, () => {
    if (++rings === 3) done.resolve();
    else alarm.arm(0);
  });
  alarm.arm(0);
  assert.equal(rings, 0, "never within arm");
  await done.promise;
});

Deno.test("Alarm: waits on when its clock is behind the timer's", async () => {
  const due = Promise.withResolvers<void>();
  let readCount = 0;
  const slowClock = { monotonicMs: () => readCount++, wallMs: () => 0 };
  using alarm = new Alarm(slowClock, () => due.resolve());
  alarm.arm(6);
  await due.promise;
  assert.ok(readCount > 6, `rang at ${readCount - 1}`);
});

Deno.test("Alarm: neither Infinity nor a disposed alarm rings", async () => {
  let rings = 0;
  {
    using alarm = new Alarm(systemClock, () => rings++);
    alarm.arm(0);
    alarm.arm(Infinity);
    alarm.arm(0);
  }
  await delay(5);
  assert.equal(rings, 0);
});

Deno.test("atTurnEnd: calls after what is due at once, promises included", async () => {
  const order: string[] = [];
  const done = Promise.withResolvers<void>();
  atTurnEnd(() => {
    order.push("end");
    done.resolve();
  });
  Promise.resolve().then(() => order.push("promise")).then(() => order.push("its promise"));
  order.push("now");
  await done.promise;
  assert.deepEqual(order, ["now", "promise", "its promise", "end"]);
});
