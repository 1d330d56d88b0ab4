/**
 * The system calls of a packet's way, on the short way to C whether the program is busy or not.
 *
 * The runtime has two ways to C. The short one takes 25 ns and exists only in what its last compiler made. A function
 * gets there by thousands of calls and loses it again when something happens in it for the first time. Everywhere else
 * is the long one, 110 ns while the caches are warm; for a packet that comes alone they are cold, and then it is its
 * thousands of instructions, all over the runtime, that cost.
 *
 * So all these calls are made by one function that {@linkcode SteadyCalls.rehearse} has compiled to the end before the
 * first packet. No result changes its course, so nothing in it happens for the first time later, and it is too long for
 * compilers to copy it into its callers, where the long way would be back.
 *
 * @module
 */

/** What calls are given: never shared memory. */
export type CallMemory = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** The functions of the C library by their names. */
export interface SteadySymbols {
  readonly read: (fd: number, buffer: CallMemory, bytes: number) => number;
  readonly writev: (fd: number, vectors: CallMemory, count: number) => number;
  readonly recvmsg: (fd: number, message: CallMemory, flags: number) => number;
  readonly sendmsg: (fd: number, message: CallMemory, flags: number) => number;
  readonly poll: (fds: CallMemory, count: number, timeoutMs: number) => number;
  readonly clock_gettime: (clock: number, time: CallMemory) => number;
}

/** Three times what it took on Deno 2.9.3; 20 ms. */
const REHEARSAL_ROUNDS = 8_000;
const NO_FD = -1;
const CLOCK_MONOTONIC = 1;

const READ = 0;
const WRITEV = 1;
const RECVMSG = 2;
const SENDMSG = 3;
const POLL = 4;
const CLOCK_GETTIME = 5;

/** Takes and returns what C does; negative results mean failure. */
export class SteadyCalls {
  readonly #symbols: SteadySymbols;

  constructor(symbols: SteadySymbols) {
    this.#symbols = symbols;
  }

  /** read(2). */
  read(fd: number, buffer: CallMemory, bytes: number): number {
    return this.#call(READ, fd, buffer, bytes);
  }

  /** writev(2). */
  writev(fd: number, vectors: CallMemory, count: number): number {
    return this.#call(WRITEV, fd, vectors, count);
  }

  /** recvmsg(2). */
  recvmsg(fd: number, message: CallMemory, flags: number): number {
    return this.#call(RECVMSG, fd, message, flags);
  }

  /** sendmsg(2). */
  sendmsg(fd: number, message: CallMemory, flags: number): number {
    return this.#call(SENDMSG, fd, message, flags);
  }

  /** poll(2). */
  poll(fds: CallMemory, count: number, timeoutMs: number): number {
    return this.#call(POLL, timeoutMs, fds, count);
  }

  /** clock_gettime(2). */
  clockGettime(clock: number, time: CallMemory): number {
    return this.#call(CLOCK_GETTIME, clock, time, 0);
  }

  /** Makes every call often enough that it is compiled. No call does anything: there is no such descriptor. */
  rehearse(): void {
    const memory = new Uint8Array(new ArrayBuffer(64));
    for (let round = 0; round < REHEARSAL_ROUNDS; round++) {
      this.read(NO_FD, memory, 0);
      this.writev(NO_FD, memory, 0);
      this.recvmsg(NO_FD, memory, 0);
      this.sendmsg(NO_FD, memory, 0);
      this.poll(memory, 0, 0);
      this.clockGettime(CLOCK_MONOTONIC, memory);
    }
  }

  #call(which: number, first: number, memory: CallMemory, last: number): number {
    const symbols = this.#symbols;
    switch (which) {
      case READ:
        return symbols.read(first, memory, last);
      case WRITEV:
        return symbols.writev(first, memory, last);
      case RECVMSG:
        return symbols.recvmsg(first, memory, last);
      case SENDMSG:
        return symbols.sendmsg(first, memory, last);
      case POLL:
        return symbols.poll(memory, last, first);
      default:
        return symbols.clock_gettime(first, memory);
    }
  }
}
