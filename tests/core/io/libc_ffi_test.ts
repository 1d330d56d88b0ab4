import { strict as assert } from "node:assert";
import { Errno } from "../../../core/io/errno.ts";
import { cString, Libc } from "../../../core/io/libc_ffi.ts";

Deno.test("Libc: errno is that of the latest failed call", () => {
  using libc = Libc.open();
  assert.equal(libc.call.close(-1), -1);
  assert.equal(libc.errno(), Errno.EBADF);
  assert.equal(libc.call.open(cString("/no/such/file"), 0), -1);
  assert.equal(libc.errno(), Errno.ENOENT);
});

Deno.test("Libc: buffers are passed from where their view starts", () => {
  using libc = Libc.open();
  const fds = new Int32Array(2);
  assert.equal(libc.call.socketpair(1, 2, 0, fds), 0);
  const bytes = Uint8Array.of(1, 2, 3, 4, 5);
  assert.equal(libc.call.write(fds[0]!, bytes.subarray(2), 2), 2);
  const target = new Uint8Array(8);
  assert.equal(libc.call.read(fds[1]!, target.subarray(3), 5), 2);
  assert.deepEqual([...target], [0, 0, 0, 3, 4, 0, 0, 0]);
  for (const fd of fds) libc.call.close(fd);
});

Deno.test("cString: ends with a NUL and refuses one inside", () => {
  assert.deepEqual([...cString("aé")], [0x61, 0xc3, 0xa9, 0]);
  assert.throws(() => cString("a\0b"));
});
