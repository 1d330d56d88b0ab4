import { strict as assert } from "node:assert";
import { ClockWatch } from "../../../core/io/clock_watch_linux.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";

Deno.test("ClockWatch: says nothing while nobody sets the clock", () => {
  using libc = Libc.open();
  using watch = ClockWatch.open(libc);
  const poller = new Poller(libc, [watch.fd]);
  poller.wait(20);
  assert.equal(poller.isReady(0), false);
  assert.equal(watch.take(), false);
});
