/**
 * The thread that `polling_thread_test.ts` starts: says back what it hears, or fails as it is told.
 *
 * @module
 */
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";
import { runPollingThread } from "../../../core/io/polling_thread.ts";

/** What it can be told. */
export type EchoCommand = { readonly say: string } | "is-woken" | "eat" | "return" | "throw" | "spin" | "exit";

using libc = Libc.open();
runPollingThread<string, EchoCommand, string>(libc, (port) => {
  const poller = new Poller(libc, [port.wakeFd]);
  port.send(port.start);
  for (let isDone = false; !isDone;) {
    poller.wait(Infinity);
    port.takeAll((command) => {
      if (command === "return") isDone = true;
      else if (command === "throw") throw new RangeError("as told");
      else if (command === "exit") Deno.exit(7);
      else if (command === "eat") eat();
      else if (command === "spin") { for (;;); }
      else if (command !== "is-woken") port.send(command.say);
      else {
        poller.wait(0);
        port.send(String(poller.isReady(0)));
      }
    });
  }
});

/** Needs more and more memory. */
function eat(): never {
  const eaten: { readonly bite: number }[] = [];
  for (;;) eaten.push({ bite: eaten.length });
}
