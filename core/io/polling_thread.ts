/**
 * A thread that sleeps in `poll` instead of the runtime's event loop, and the messages to and from it.
 *
 * Messages to it are queued on a port and an eventfd wakes it; messages from it arrive as events. Messages are copied by
 * the structured clone algorithm: plain data only.
 *
 * @module
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker, workerData } from "node:worker_threads";
import { assert } from "../assert.ts";
import { delay } from "./alarm.ts";
import { Eventfd } from "./eventfd.ts";
import type { Libc } from "./libc_ffi.ts";

/** JavaScript heap of a thread unless told otherwise, in MiB; a hundred thousand peers fit. */
export const THREAD_HEAP_MIB = 1024;

/** What kind of thread to start. */
export interface PollingThreadOptions {
  /** Its module, which calls {@linkcode runPollingThread}. */
  readonly url: URL;
  /** For error messages. */
  readonly name: string;
  /** Handed to the thread; copied. */
  readonly start: unknown;
  /** A thread that needs more ends with an error, instead of taking the process with it. */
  readonly heapMib?: number;
}

/** What the thread is born with. */
interface Birth<Start> {
  readonly start: Start;
  readonly port: MessagePort;
  readonly wakeFd: number;
}

/** What travels from the thread: its own messages, and the last words of one that failed. */
type Envelope<Up> = { readonly message: Up } | { readonly failure: Error };

/** The starting thread's end: sends `Down`, hears `Up`. */
export class PollingThread<Down, Up> implements AsyncDisposable {
  /** Settles when the thread is gone: with the reason if it failed, with `undefined` if it returned. Never rejects. */
  readonly ended: Promise<Error | undefined>;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #wake: Eventfd;
  #hasEnded = false;

  /**
   * Starts the thread.
   *
   * @param onMessage Called for every message of the thread, in order, and never after `ended` has settled.
   */
  constructor(libc: Libc, options: PollingThreadOptions, onMessage: (message: Up) => void) {
    const { url, name, start, heapMib = THREAD_HEAP_MIB } = options;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#wake = Eventfd.open(libc);
    const birth: Birth<unknown> = { start, port: port2, wakeFd: this.#wake.fd };
    this.#worker = new Worker(url, {
      name,
      workerData: birth,
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: heapMib },
    });
    let failure: Error | undefined;
    port1.on("message", (envelope: Envelope<Up>) => {
      if ("failure" in envelope) failure = envelope.failure;
      else onMessage(envelope.message);
    });
    this.#worker.on("error", (error: Error) => failure = error);
    const exited = new Promise<number>((resolve) => this.#worker.on("exit", resolve));
    const closed = new Promise<void>((resolve) => port1.on("close", () => resolve()));
    this.ended = exited.then(async (code) => {
      // The port closes by itself after its last message was heard, except when the thread was ended by force.
      await delay(0);
      port1.close();
      await closed;
      this.#hasEnded = true;
      this.#wake[Symbol.dispose]();
      return failure ?? (code === 0 ? undefined : new Error(`Thread "${name}" was ended with code ${code}`));
    });
  }

  /** Queues a message and wakes the thread; does nothing once it has ended. */
  post(message: Down): void {
    if (this.#hasEnded) return;
    this.#port.postMessage(message);
    this.#wake.wake();
  }

  /**
   * Waits until the thread has ended, for at most `graceMs`; then ends it by force. Whatever should make it return must
   * have been posted.
   */
  async join(graceMs: number): Promise<Error | undefined> {
    using graceOver = new DisposableStack();
    const abort = graceOver.adopt(new AbortController(), (controller) => controller.abort());
    const grace = delay(graceMs, abort.signal).then(() => "late" as const, () => "late" as const);
    const first = await Promise.race([this.ended.then(() => "ended" as const), grace]);
    if (first === "late") await this.terminate();
    return await this.ended;
  }

  /** Ends the thread by force. */
  async terminate(): Promise<void> {
    if (this.#hasEnded) return;
    const terminated = this.#worker.terminate();
    // It may be asleep outside JavaScript, with the descriptors it waits for held open.
    this.#wake.wake();
    await terminated;
    await this.ended;
  }

  /** Ends the thread by force. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.terminate();
  }
}

/** The thread's own end: hears `Down`, sends `Up`. */
export interface PollingThreadPort<Start, Down, Up> {
  /** What the starting thread handed over. */
  readonly start: Start;
  /** For `poll`: readable when messages wait. */
  readonly wakeFd: number;
  /** Hands over all messages that wait, in order; `wakeFd` is unreadable from here until the next one. */
  takeAll(handle: (message: Down) => void): void;
  send(message: Up): void;
}

/**
 * The whole life of a thread started as {@linkcode PollingThread}: runs `main` and reports what it throws. The caller
 * vouches for the types, which both ends must agree on.
 *
 * Call it before the module waits for anything: while a module is evaluated for the first time, the runtime can end a
 * thread that has used up its memory; later it cannot, and the whole process goes.
 */
export function runPollingThread<Start, Down, Up>(
  libc: Libc,
  main: (port: PollingThreadPort<Start, Down, Up>) => void,
): void {
  const birth = workerData as Birth<Start> | null;
  assert(birth?.port !== undefined, "this module is started as a thread");
  const { start, port, wakeFd } = birth;
  const wake = Eventfd.lent(libc, wakeFd);
  try {
    main({
      start,
      wakeFd,
      takeAll(handle) {
        // First, so that a message that comes meanwhile wakes again.
        wake.clear();
        for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
          handle(next.message as Down);
        }
      },
      send: (message) => port.postMessage({ message } satisfies Envelope<Up>),
    });
  } catch (error) {
    port.postMessage({ failure: cloneable(error) } satisfies Envelope<Up>);
  } finally {
    port.close();
  }
}

/** Message and stack alone: a cause may be something that cannot be copied. */
function cloneable(error: unknown): Error {
  const copy = new Error(String(error));
  if (error instanceof Error && error.stack !== undefined) copy.stack = error.stack;
  return copy;
}
