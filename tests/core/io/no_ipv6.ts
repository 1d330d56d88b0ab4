/**
 * Takes IPv6 away from this process: a system-call filter (seccomp(2)) that refuses its sockets as a kernel without IPv6 does.
 *
 * @module
 */
import { assert } from "../../../core/assert.ts";

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
/** For all threads. */
const SECCOMP_FILTER_FLAG_TSYNC = 1;
const AF_INET6 = 10;
const EAFNOSUPPORT = 97;
const NUMBERS = Deno.build.arch === "x86_64" ? { seccomp: 317, socket: 41 } : { seccomp: 277, socket: 198 };

// struct sock_filter { u16 code; u8 jt; u8 jf; u32 k; } of classic BPF.
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const RETURN_ERRNO = 0x0005_0000;
const RETURN_ALLOW = 0x7fff_0000;
// struct seccomp_data { int nr; u32 arch; u64 instruction_pointer; u64 args[6]; }
const NR_OFFSET = 0;
const FIRST_ARGUMENT_OFFSET = 16;

const PROGRAM: readonly (readonly [code: number, jt: number, jf: number, k: number])[] = [
  [LOAD_WORD, 0, 0, NR_OFFSET],
  [JUMP_IF_EQUAL, 0, 3, NUMBERS.socket],
  [LOAD_WORD, 0, 0, FIRST_ARGUMENT_OFFSET],
  [JUMP_IF_EQUAL, 0, 1, AF_INET6],
  [RETURN, 0, 0, RETURN_ERRNO | EAFNOSUPPORT],
  [RETURN, 0, 0, RETURN_ALLOW],
];

/** From now on, for good. */
export function takeIpv6Away(): void {
  const filter = new DataView(new ArrayBuffer(8 * PROGRAM.length));
  for (const [i, [code, jt, jf, k]] of PROGRAM.entries()) {
    filter.setUint16(8 * i, code, true);
    filter.setUint8(8 * i + 2, jt);
    filter.setUint8(8 * i + 3, jf);
    filter.setUint32(8 * i + 4, k, true);
  }
  // struct sock_fprog { u16 len; struct sock_filter *filter; }
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, PROGRAM.length, true);
  program.setBigUint64(8, Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(filter.buffer))), true);
  const libc = Deno.dlopen("libc.so.6", {
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
    syscall: { parameters: ["i64", "u32", "u32", "buffer"], result: "i64" },
  });
  assert(libc.symbols.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) === 0, "prctl");
  const { seccomp } = NUMBERS;
  const done = libc.symbols.syscall(
    BigInt(seccomp),
    SECCOMP_SET_MODE_FILTER,
    SECCOMP_FILTER_FLAG_TSYNC,
    new Uint8Array(program.buffer),
  );
  libc.close();
  assert(Number(done) === 0 && filter.byteLength > 0, "seccomp");
}
