import { strict as assert } from "node:assert";
import { OsError } from "../../../core/io/errno.ts";
import { FileDescriptor } from "../../../core/io/file_descriptor.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;

/** A number that nothing else in this process gets by itself. */
const HIGH_FD = 871;

Deno.test("FileDescriptor: an owned one is closed once, even if its number was given out again", () => {
  using libc = Libc.open();
  // int dup2(int oldfd, int newfd);
  const system = Deno.dlopen("libc.so.6", { dup2: { parameters: ["i32", "i32"], result: "i32" } });
  using source = FileDescriptor.own(libc, "socket", libc.call.socket(AF_UNIX, SOCK_DGRAM, 0));
  const first = FileDescriptor.own(libc, "dup2", system.symbols.dup2(source.number, HIGH_FD));
  first[Symbol.dispose]();
  assert.equal(isOpen(libc, HIGH_FD), false);
  using second = FileDescriptor.own(libc, "dup2", system.symbols.dup2(source.number, HIGH_FD));
  first[Symbol.dispose]();
  assert.equal(isOpen(libc, second.number), true);
  system.close();
});

Deno.test("FileDescriptor: a lent one is left open", () => {
  using libc = Libc.open();
  using owned = FileDescriptor.own(libc, "socket", libc.call.socket(AF_UNIX, SOCK_DGRAM, 0));
  FileDescriptor.lent(owned.number)[Symbol.dispose]();
  assert.equal(isOpen(libc, owned.number), true);
});

Deno.test("FileDescriptor.own: a failed call becomes an OsError", () => {
  using libc = Libc.open();
  assert.throws(() => FileDescriptor.own(libc, "socket", libc.call.socket(9999, SOCK_DGRAM, 0)), (error) => {
    assert.ok(error instanceof OsError);
    assert.equal(error.message, "socket: EAFNOSUPPORT");
    return true;
  });
});

function isOpen(libc: Libc, fd: number): boolean {
  return libc.call.getsockname(fd, new Uint8Array(28), new Uint32Array([28])) === 0;
}
