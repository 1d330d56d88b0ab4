import { strict as assert } from "node:assert";
import { Eventfd } from "../../../core/io/eventfd.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";

Deno.test("Eventfd: is ready from the first wake until it is cleared", () => {
  using libc = Libc.open();
  using owner = Eventfd.open(libc);
  using lent = Eventfd.lent(libc, owner.fd);
  const poller = new Poller(libc, [lent.fd]);
  const isReady = () => {
    poller.wait(0);
    return poller.isReady(0);
  };
  assert.equal(isReady(), false);
  owner.wake();
  owner.wake();
  assert.equal(isReady(), true);
  lent.clear();
  assert.equal(isReady(), false);
  lent.clear();
  owner.wake();
  assert.equal(isReady(), true);
});

Deno.test("Eventfd: wakes another thread that is blocked in poll", async () => {
  using libc = Libc.open();
  using eventfd = Eventfd.open(libc);
  const io = new URL("../../../core/io/", import.meta.url).href;
  const source = `
    import { Libc } from "${io}libc_ffi.ts";
    import { Poller } from "${io}poll.ts";
    using libc = Libc.open();
    const poller = new Poller(libc, [${eventfd.fd}]);
    self.postMessage("waiting");
    poller.wait(Infinity);
    self.postMessage(poller.isReady(0) ? "woken" : "not ready");
    self.close();`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
  const messages: string[] = [];
  await new Promise<void>((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = (event) => {
      messages.push(event.data);
      if (event.data === "waiting") eventfd.wake();
      else resolve();
    };
  });
  worker.terminate();
  assert.deepEqual(messages, ["waiting", "woken"]);
});
