import { strict as assert } from "node:assert";
import { AsyncLocalStorage } from "node:async_hooks";
import { Alarm, atNextTurnEnd, delay } from "../../../core/io/alarm.ts";
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

Deno.test("Alarm: one that another one's ring disarms or arms anew does not ring with it", async () => {
  const done = Promise.withResolvers<void>();
  const rings: string[] = [];
  const atMs = systemClock.monotonicMs();
  using disarmed = new Alarm(systemClock, () => rings.push("disarmed"));
  using anew: Alarm = new Alarm(systemClock, () => {
    rings.push("anew");
    assert.ok(systemClock.monotonicMs() >= atMs + 20);
    done.resolve();
  });
  using first = new Alarm(systemClock, () => {
    rings.push("first");
    disarmed.arm(Infinity);
    anew.arm(atMs + 20);
  });
  disarmed.arm(atMs + 2);
  anew.arm(atMs + 2);
  first.arm(atMs + 1);
  const busyUntilMs = performance.now() + 4;
  while (performance.now() < busyUntilMs);
  await done.promise;
  assert.deepEqual(rings, ["first", "anew"]);
});

Deno.test("Alarm: those that are due ring in the order of their deadlines", async () => {
  const done = Promise.withResolvers<void>();
  const rings: number[] = [];
  using stack = new DisposableStack();
  const atMs = systemClock.monotonicMs();
  for (const [order, afterMs] of [3, 1, 2, 0, 5].entries()) {
    const alarm = stack.use(
      new Alarm(systemClock, () => {
        rings.push(afterMs);
        if (rings.length === 5) done.resolve();
      }),
    );
    alarm.arm(atMs + afterMs + order / 100);
  }
  await done.promise;
  assert.deepEqual(rings, [0, 1, 2, 3, 5]);
});

Deno.test("Alarm: with slack it rings along with another one", async () => {
  const rings: string[] = [];
  const done = Promise.withResolvers<void>();
  using patient = new Alarm(systemClock, () => {
    rings.push("patient");
    done.resolve();
  }, 1e6);
  using punctual = new Alarm(systemClock, () => rings.push("punctual"));
  const startMs = systemClock.monotonicMs();
  patient.arm(startMs + 1);
  punctual.arm(startMs + 6);
  await done.promise;
  assert.deepEqual(rings, ["punctual", "patient"]);
});

Deno.test("Alarm: with slack and no other one it rings at the end of it", async () => {
  const done = Promise.withResolvers<void>();
  const clock = { ...systemClock };
  using patient = new Alarm(clock, () => done.resolve(), 20);
  const startMs = clock.monotonicMs();
  patient.arm(startMs + 1);
  await done.promise;
  assert.ok(clock.monotonicMs() >= startMs + 21);
});

Deno.test("Alarm: deadlines that move on need no timers of their own", async () => {
  const counted = countTimers();
  const done = Promise.withResolvers<void>();
  {
    using _ = counted;
    using near: Alarm = new Alarm(systemClock, () => done.resolve());
    using far = new Alarm(systemClock, () => {});
    const startMs = systemClock.monotonicMs();
    near.arm(startMs + 10);
    for (let i = 0; i < 100; i++) far.arm(startMs + 1000 + i);
    for (let i = 0; i < 100; i++) near.arm(startMs + 10 + i / 100);
    await done.promise;
    await delay(0);
  }
  assert.ok(counted.madeCount <= 4, `${counted.madeCount} timers`);
});

Deno.test("Alarm: rings for nobody, whoever's call has made the timer", async () => {
  const owner = new AsyncLocalStorage<string>();
  const due = Promise.withResolvers<string | undefined>();
  using _alarm = owner.run("a plugin", () => {
    const alarm = new Alarm(systemClock, () => due.resolve(owner.getStore()));
    alarm.arm(systemClock.monotonicMs() + 1);
    return alarm;
  });
  assert.equal(await due.promise, undefined);
});

Deno.test("Alarm: one that throws takes no ring from others that are due with it", async () => {
  const thrown: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    thrown.push(event.error?.message);
  };
  globalThis.addEventListener("error", onError);
  try {
    const all = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    using stack = new DisposableStack();
    const startMs = systemClock.monotonicMs();
    const alarm = (afterMs: number, ring: () => void) => stack.use(new Alarm(systemClock, ring)).arm(startMs + afterMs);
    alarm(1, () => all[0]?.resolve());
    alarm(2, () => {
      throw new Error("broken");
    });
    alarm(3, () => all[1]?.resolve());
    // All of them are due when the timer fires.
    while (systemClock.monotonicMs() < startMs + 3);
    await Promise.all(all.map(({ promise }) => promise));
    assert.deepEqual(thrown, ["broken"]);
  } finally {
    globalThis.removeEventListener("error", onError);
  }
});

/** Counts the timers that the runtime is asked for until disposed. */
function countTimers(): Disposable & { madeCount: number } {
  const make = globalThis[MAKE_TIMER];
  const counted = {
    madeCount: 0,
    [Symbol.dispose]() {
      globalThis[MAKE_TIMER] = make;
    },
  };
  globalThis[MAKE_TIMER] = Object.assign((...args: Parameters<typeof make>) => {
    counted.madeCount++;
    return make(...args);
  }, make);
  return counted;
}

const MAKE_TIMER = "setTimeout";

Deno.test("atNextTurnEnd: calls after what is due at once, promises included", async () => {
  const order: string[] = [];
  const done = Promise.withResolvers<void>();
  atNextTurnEnd(() => {
    order.push("end");
    done.resolve();
  });
  Promise.resolve().then(() => order.push("promise")).then(() => order.push("its promise"));
  order.push("now");
  await done.promise;
  assert.deepEqual(order, ["now", "promise", "its promise", "end"]);
});
