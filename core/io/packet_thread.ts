/**
 * What makes a thread that lives for packets answer soon: the scheduler lets it run before others, and the compiler does
 * not wait until it has seen thousands of packets.
 *
 * @module
 */
import { setFlagsFromString } from "node:v8";
import type { Libc } from "./libc_ffi.ts";

/** Niceness (sched(7)) of a packet thread: before everything that was not raised itself, and not before real-time threads. */
export const PACKET_THREAD_NICENESS = -10;
/**
 * Calls after which a function is compiled to its fastest form, instead of 3,000: a tunnel that carries little would take
 * minutes until calls into the C library are the cheap ones, and meet the compiler at work again and again.
 */
export const CALLS_UNTIL_COMPILED = 300;

/** PRIO_PROCESS of sys/resource.h; on Linux with 0 it is the calling thread. */
const PRIO_PROCESS = 0;

/**
 * To be called by the thread itself, once, before it has work. The compiler's setting is the whole process's.
 *
 * @returns False if the system does not let it run before others, which takes CAP_SYS_NICE.
 */
export function becomePacketThread(libc: Libc): boolean {
  setFlagsFromString(`--invocation-count-for-turbofan=${CALLS_UNTIL_COMPILED}`);
  return libc.call.setpriority(PRIO_PROCESS, 0, PACKET_THREAD_NICENESS) === 0;
}
