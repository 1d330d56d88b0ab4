import { strict as assert } from "node:assert";
import { Errno } from "../../../core/io/errno.ts";
import { Eventfd } from "../../../core/io/eventfd.ts";
import { IoVectors } from "../../../core/io/io_vectors.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const POLLIN = 0x001;
const CLOCK_MONOTONIC = 1;

function socketPair(libc: Libc): [number, number] {
  const fds = new Int32Array(2);
  assert.equal(libc.call.socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
  return [fds[0] ?? -1, fds[1] ?? -1];
}

for (const when of ["before", "after"] as const) {
  Deno.test(`SteadyCalls: each call is the function of its name, ${when} a rehearsal`, () => {
    using libc = Libc.open();
    if (when === "after") libc.steady.rehearse();
    const { steady } = libc;
    const [a, b] = socketPair(libc);
    const memory = Uint8Array.of(1, 2, 3, 0, 0, 0);
    const vectors = new IoVectors(1);

    vectors.set(0, memory, 0, 3);
    assert.equal(steady.writev(a, vectors.words, 1), 3);
    const fds = Int32Array.of(b, POLLIN);
    assert.equal(steady.poll(fds, 1, 0), 1);
    assert.equal(fds[1], POLLIN << 16 | POLLIN);
    assert.equal(steady.read(b, memory.subarray(3), 2), 2);
    assert.deepEqual([...memory], [1, 2, 3, 1, 2, 0]);
    assert.equal(steady.poll(fds, 1, 0), 0);

    // struct msghdr: no name, one vector.
    const message = new BigUint64Array(7);
    message[2] = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(vectors.words)));
    message[3] = 1n;
    const words = new Uint32Array(message.buffer);
    assert.equal(steady.sendmsg(b, words, 0), 3);
    vectors.set(0, memory, 3, 3);
    assert.equal(steady.recvmsg(a, words, MSG_DONTWAIT), 3);
    assert.deepEqual([...memory], [1, 2, 3, 1, 2, 3]);
    assert.equal(steady.recvmsg(a, words, MSG_DONTWAIT), -1);
    assert.equal(libc.errno(), Errno.EAGAIN);

    const time = new Uint32Array(4);
    assert.equal(steady.clockGettime(CLOCK_MONOTONIC, time), 0);
    assert.ok((time[0] ?? 0) > 0);
    for (const fd of [a, b]) libc.call.close(fd);
  });
}

Deno.test("SteadyCalls: a rehearsal leaves what is open alone", () => {
  using libc = Libc.open();
  using eventfd = Eventfd.open(libc);
  eventfd.wake();
  libc.steady.rehearse();
  const count = new Uint8Array(8);
  assert.equal(libc.steady.read(eventfd.fd, count, 8), 8);
  assert.deepEqual([...count], [1, 0, 0, 0, 0, 0, 0, 0]);
});
