import { strict as assert } from "node:assert";
import { bootClock, systemClock } from "../../../core/io/clock.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";

Deno.test("systemClock: goes forward and knows the date", () => {
  const first = systemClock.monotonicMs();
  assert.ok(systemClock.monotonicMs() >= first);
  assert.ok(Math.abs(systemClock.wallMs() - Date.now()) < 1000);
});

Deno.test("bootClock: counts fractional milliseconds since boot", () => {
  using libc = Libc.open();
  const clock = bootClock(libc);
  const uptimeMs = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1000;
  const first = clock.monotonicMs();
  assert.ok(Math.abs(first - uptimeMs) < 1000);
  let second = first;
  while (second === first) second = clock.monotonicMs();
  assert.ok(second > first && second - first < 1000);
});

Deno.test("bootClock: is ahead as far as it is told, at once", () => {
  using libc = Libc.open();
  const ahead = { ms: 0 };
  const clock = bootClock(libc, ahead);
  const before = clock.monotonicMs();
  ahead.ms = 3_600_000;
  const hourMs = clock.monotonicMs() - before;
  assert.ok(hourMs >= 3_600_000 && hourMs < 3_660_000);
  assert.ok(Math.abs(clock.wallMs() - Date.now()) < 1000);
});
