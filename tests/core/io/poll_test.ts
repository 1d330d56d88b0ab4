import { strict as assert } from "node:assert";
import { FileDescriptor } from "../../../core/io/file_descriptor.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";

function pair(libc: Libc, stack: DisposableStack): [number, number] {
  const fds = new Int32Array(2);
  assert.equal(libc.call.socketpair(1, 2, 0, fds), 0);
  return [
    stack.use(FileDescriptor.own(libc, "socketpair", fds[0]!)).number,
    stack.use(FileDescriptor.own(libc, "socketpair", fds[1]!)).number,
  ];
}

Deno.test("Poller: tells which of its descriptors can be read", () => {
  using stack = new DisposableStack();
  const libc = stack.use(Libc.open());
  const [a, aEnd] = pair(libc, stack);
  const [b, bEnd] = pair(libc, stack);
  const poller = new Poller(libc, [a, b]);
  libc.call.write(bEnd, Uint8Array.of(1), 1);
  poller.wait(Infinity);
  assert.deepEqual([poller.isReady(0), poller.isReady(1)], [false, true]);
  libc.call.write(aEnd, Uint8Array.of(1), 1);
  libc.call.read(b, new Uint8Array(1), 1);
  poller.wait(Infinity);
  assert.deepEqual([poller.isReady(0), poller.isReady(1)], [true, false]);
});

Deno.test("Poller: ends a wait no earlier than asked", () => {
  using stack = new DisposableStack();
  const libc = stack.use(Libc.open());
  const [a] = pair(libc, stack);
  const poller = new Poller(libc, [a]);
  const startMs = performance.now();
  poller.wait(1.5);
  assert.ok(performance.now() - startMs >= 1.5);
  assert.equal(poller.isReady(0), false);
  poller.wait(-7);
});

Deno.test("Poller: a closed descriptor is a bug that crashes", () => {
  using libc = Libc.open();
  const poller = new Poller(libc, [9999]);
  poller.wait(0);
  assert.throws(() => poller.isReady(0), { name: "InvariantError" });
});
