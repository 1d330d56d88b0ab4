import assert from "node:assert/strict";
import { HookTimer, PluginMeter } from "../../../core/node/plugin_meter.ts";
import { HOOK_BUDGET_MS, HOOK_STRIKE_WINDOW_MS } from "../../../core/plugin/plugin.ts";

class Setting {
  nowMs = 0;
  readonly trips: string[] = [];
  readonly strikes: string[] = [];
  /** How long the thread has waited for a processor. */
  waitedMs = 0;
  readonly timer = new HookTimer({ monotonicMs: () => this.nowMs }, () => this.waitedMs);
  readonly meter = this.make("a");

  make(name: string): PluginMeter {
    return new PluginMeter({
      timer: this.timer,
      attribute: (call) => call(),
      onTrip: (why) => this.trips.push(`${name}: ${why}`),
      onStrike: (hook) => this.strikes.push(`${name} ${hook}`),
    });
  }

  spin(ms: number = HOOK_BUDGET_MS + 100): void {
    this.nowMs += ms;
  }

  /** The host has other things to do. */
  wait(ms: number): void {
    this.nowMs += ms;
    this.waitedMs += ms;
  }
}

Deno.test("PluginMeter: three late calls of one hook within the window trip the breaker, once", () => {
  const at = new Setting();
  at.meter.run("hook", () => at.spin(HOOK_BUDGET_MS));
  assert.deepEqual(at.strikes, []);
  for (let i = 0; i < 2; i++) at.meter.run("hook", () => at.spin());
  at.meter.run("another", () => at.spin());
  assert.deepEqual(at.trips, []);
  at.meter.run("hook", () => at.spin());
  at.meter.run("hook", () => at.spin());
  assert.deepEqual(at.trips, ["a: kept the thread for 200 ms, 100 are allowed (hook, 3 times within 60 s)"]);
});

Deno.test("PluginMeter: time that the thread waits for a processor is nobody's", async () => {
  const at = new Setting();
  for (let i = 0; i < 5; i++) {
    at.wait(1_000);
    at.meter.run("hook", () => at.wait(1_000));
    at.meter.run("hook", () => {
      at.wait(1_000);
      at.spin(HOOK_BUDGET_MS);
      at.wait(1_000);
    });
  }
  await at.meter.wake("promise", Promise.resolve()).then(() => at.wait(1_000));
  for (let turn = 0; turn < 20; turn++) await undefined;
  assert.deepEqual(at.strikes, []);
  at.meter.run("hook", () => {
    at.wait(1_000);
    at.spin();
    // A look of somebody inside is no excuse.
    at.meter.run("inner", () => at.wait(1_000));
  });
  assert.deepEqual(at.strikes, ["a hook"]);
});

Deno.test("PluginMeter: strikes are forgotten after the window, and count when the call throws too", () => {
  const at = new Setting();
  for (let i = 0; i < 6; i++) {
    assert.throws(() =>
      at.meter.run("hook", () => {
        at.spin();
        throw new Error("late and bad");
      })
    );
    at.nowMs += HOOK_STRIKE_WINDOW_MS / 2;
  }
  assert.equal(at.strikes.length, 6);
  assert.deepEqual(at.trips, []);
});

Deno.test("PluginMeter: who is called inside pays for himself, and the node for itself", () => {
  const at = new Setting();
  const inner = at.make("b");
  at.meter.run("outer", () => {
    inner.run("inner", () => at.spin());
    at.meter.outside(() => at.spin());
    at.spin(10);
  });
  assert.deepEqual(at.strikes, ["b inner"]);
});

Deno.test("PluginMeter.wake: what is done right after a promise of the host is measured", async () => {
  const at = new Setting();
  await at.meter.wake("read", Promise.resolve());
  at.spin();
  await Promise.resolve();
  for (let i = 0; i < 20; i++) await undefined;
  assert.deepEqual(at.strikes, ["a read"]);
  await assert.rejects(at.meter.wake("read", Promise.reject(new Error("no"))), /no/);
});

Deno.test("PluginMeter.wake: who wakes up together is watched together, who wakes up later by himself", async () => {
  const at = new Setting();
  const turns = async () => {
    for (let i = 0; i < 20; i++) await undefined;
  };
  const promises = [1, 2, 3].map((n) => at.meter.wake("read", Promise.resolve(n), (n) => n * 2));
  assert.deepEqual(await Promise.all(promises.map((promise) => promise.then((n) => (at.spin(), n)))), [2, 4, 6]);
  await turns();
  assert.deepEqual(at.strikes, ["a read"]);
  await at.meter.wake("read", Promise.resolve());
  at.spin();
  await turns();
  assert.deepEqual(at.strikes, ["a read", "a read"]);
  await assert.rejects(at.meter.wake("read", Promise.resolve(), () => JSON.parse("{")), SyntaxError);
});

Deno.test("PluginMeter.pull: an iteration is measured step by step, and ended when it is left early", async () => {
  const at = new Setting();
  let ended = false;
  async function* items() {
    try {
      yield 1;
      at.spin();
      yield await Promise.resolve(2);
      yield 3;
    } finally {
      ended = true;
    }
  }
  const seen: number[] = [];
  for await (const item of at.meter.pull("hook", items)) {
    seen.push(item);
    if (item === 2) break;
  }
  assert.deepEqual([seen, at.strikes, ended], [[1, 2], ["a hook"], true]);
});
