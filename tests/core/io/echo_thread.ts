/**
 * The thread that `polling_thread_test.ts` starts: says back what it hears, or fails as it is told.
 *
 * @module
 */
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";
import { runPollingThread } from "../../../core/io/polling_thread.ts";

/** What it can be told. */
export type EchoCommand = { readonly say: string } | "return" | "throw" | "spin" | "exit";

using libc = Libc.open();
await runPollingThread<string, EchoCommand, string>(libc, async (port) => {
  await Promise.resolve();
  const poller = new Poller(libc, [port.wake.fd]);
  port.send(port.start);
  for (;;) {
    poller.wait(Infinity);
    port.wake.clear();
    for (let command = port.receive(); command !== undefined; command = port.receive()) {
      if (command === "return") return;
      if (command === "throw") throw new RangeError("as told");
      if (command === "exit") Deno.exit(7);
      if (command === "spin") { for (;;); }
      port.send(command.say);
    }
  }
});
