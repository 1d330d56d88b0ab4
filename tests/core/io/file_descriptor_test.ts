import { strict as assert } from "node:assert";
import { OsError } from "../../../core/io/errno.ts";
import { FileDescriptor } from "../../../core/io/file_descriptor.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;

Deno.test("FileDescriptor: an owned one is closed once, even if its number was given out again", () => {
  using libc = Libc.open();
  const first = FileDescriptor.own(libc, "socket", libc.call.socket(AF_UNIX, SOCK_DGRAM, 0));
  first[Symbol.dispose]();
  using second = FileDescriptor.own(libc, "socket", libc.call.socket(AF_UNIX, SOCK_DGRAM, 0));
  assert.equal(second.number, first.number, "the kernel reuses the lowest number");
  first[Symbol.dispose]();
  assert.ok(libc.call.write(second.number, new Uint8Array(1), 1) < 0);
  assert.notEqual(libc.errno(), 9, "still open");
});

Deno.test("FileDescriptor: a lent one is left open", () => {
  using libc = Libc.open();
  using owned = FileDescriptor.own(libc, "socket", libc.call.socket(AF_UNIX, SOCK_DGRAM, 0));
  FileDescriptor.lent(owned.number)[Symbol.dispose]();
  const copy = new Uint8Array(28);
  assert.equal(libc.call.getsockname(owned.number, copy, new Uint32Array([28])), 0);
});

Deno.test("FileDescriptor.own: a failed call becomes an OsError", () => {
  using libc = Libc.open();
  assert.throws(() => FileDescriptor.own(libc, "socket", libc.call.socket(9999, SOCK_DGRAM, 0)), (error) => {
    assert.ok(error instanceof OsError);
    assert.equal(error.message, "socket: EAFNOSUPPORT");
    return true;
  });
});
