/**
 * A program for a test: rehearses, and prints how it went with the number of descriptors before and after. In a process of its
 * own, because tests of other files open descriptors at the same time. With the argument `alone` it has no loopback
 * interface that is up.
 *
 * @module
 */
import { allocateLoopMemory } from "../../../core/dataplane/packet_loop.ts";
import { rehearse } from "../../../core/dataplane/rehearsal.ts";
import { openCryptoSuite } from "../../../core/io/crypto_suite.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { PrivateNetwork } from "../io/private_network.ts";

const openCount = () => [...Deno.readDirSync("/proc/self/fd")].length;
using _network = Deno.args[0] === "alone" ? new PrivateNetwork() : undefined;
using libc = Libc.open();
using suite = openCryptoSuite();
const before = openCount();
const rehearsal = rehearse({ libc, suite, memory: allocateLoopMemory() });
console.log(JSON.stringify({ ...rehearsal, before, after: openCount() }));
