import { strict as assert } from "node:assert";
import { InvariantError } from "../../../core/assert.ts";
import { addressOf, IoVectors } from "../../../core/io/io_vectors.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";

Deno.test("IoVectors: pieces are gathered in order, from views that start inside their memory too", () => {
  using libc = Libc.open();
  const fds = new Int32Array(2);
  assert.equal(libc.call.socketpair(1, 2, 0, fds), 0);
  const vectors = new IoVectors(3);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  assert.ok(memory.buffer instanceof ArrayBuffer);
  const received = new Uint8Array(16);
  for (const buffer of [new Uint8Array(100), new Uint8Array(200).subarray(50), new Uint8Array(memory.buffer)]) {
    for (let i = 0; i < 100; i++) buffer[i] = i;
    vectors.set(0, buffer, 90, 2);
    vectors.set(1, buffer, 0, 0);
    vectors.set(2, buffer, 7, 3);
    assert.equal(libc.call.writev(fds[0]!, vectors.words, 3), 5);
    assert.equal(libc.call.read(fds[1]!, received, 16), 5);
    assert.deepEqual([...received.subarray(0, 5)], [90, 91, 7, 8, 9]);
  }
  for (const fd of fds) libc.call.close(fd);
});

Deno.test("IoVectors.set: a piece that reaches one byte too far is a bug, not an access", () => {
  const vectors = new IoVectors(1);
  const buffer = new Uint8Array(8);
  vectors.set(0, buffer, 4, 4);
  assert.throws(() => vectors.set(0, buffer, 4, 5), InvariantError);
  assert.throws(() => vectors.set(0, buffer, -1, 1), InvariantError);
});

Deno.test("addressOf: views of one memory are as far apart as their offsets", () => {
  const bytes = new Uint8Array(new ArrayBuffer(4096));
  assert.equal(addressOf(bytes.subarray(1000)) - addressOf(bytes), 1000);
});
