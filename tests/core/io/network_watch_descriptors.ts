/**
 * A program for a test: opens and ends a watch, and prints how many descriptors there are before, meanwhile and after. In a
 * process of its own, because tests of other files open descriptors at the same time.
 *
 * @module
 */
import { Libc } from "../../../core/io/libc_ffi.ts";
import { NetworkWatch } from "../../../core/io/network_watch_linux.ts";

const openCount = () => [...Deno.readDirSync("/proc/self/fd")].length;
using libc = Libc.open();
const before = openCount();
const watch = NetworkWatch.open(libc, 0, () => {});
const meanwhile = openCount();
await watch[Symbol.asyncDispose]();
console.log(JSON.stringify([before, meanwhile, openCount()]));
