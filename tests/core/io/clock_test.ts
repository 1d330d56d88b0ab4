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
