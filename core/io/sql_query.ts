/**
 * Queries against copies of a database, in threads of their own: see `sql_query_worker.ts`.
 *
 * Nobody waits longer than a query may take, and a moment later SQLite gives it up: it asks now and then whether to go on
 * (`sqljs_interrupt.ts`), and looks at a flag in memory that both threads have. To end the thread would not do: the runtime
 * (Deno 2.9.3) does not end one that is busy, not even in a loop of JavaScript, whatever it says. A query counts as overdue
 * until it has come to its end.
 *
 * @module
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { Alarm, delay } from "./alarm.ts";
import { sqliteWasm, sqlWorkerUrl } from "./assets.ts";
import { systemClock } from "./clock.ts";

/** A value as a query gives or takes it. Integers come as bigint. */
export type QueryCell = bigint | number | string | Uint8Array | null;

/** What to run. */
export interface BoundedQuery {
  /** A database image. Takes it. */
  readonly image: Uint8Array<ArrayBuffer>;
  /** One statement. Writes have no effect beyond the copy. */
  readonly sql: string;
  /** By name without prefix. */
  readonly parameters: Readonly<Record<string, QueryCell>>;
  readonly rowCountMax: number;
  /** Texts and blobs of all rows together, roughly. */
  readonly bytesMax: number;
  /** From the question to the answer. */
  readonly timeoutMs: number;
}

/** The same as a thread gets it. */
export type QueryJob = Omit<BoundedQuery, "timeoutMs">;

/** What a thread begins with: jobs and answers travel on the port. */
export interface QueryThreadStart {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly port: MessagePort;
  /** One integer in shared memory: not zero when nobody waits for the answer any more. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

/** What came of it. */
export type QueryAnswer =
  | {
    readonly kind: "rows";
    readonly columns: readonly string[];
    readonly rows: readonly (readonly QueryCell[])[];
    /** Why there are fewer rows than the statement has. */
    readonly truncated: "" | "rows" | "bytes";
  }
  /** SQLite's words. */
  | { readonly kind: "refused"; readonly why: string }
  /** The time was up. */
  | { readonly kind: "late" };

const LATE: QueryAnswer = { kind: "late" };

/** A thread that nobody has asked anything for so long is closed; milliseconds. Until then it keeps what it has allocated. */
const IDLE_MS = 15_000;

/**
 * Runs queries, side by side if need be. To start a thread holds up the thread that does, for 15 ms and on a busy host for
 * some hundreds: so one that has answered is kept for a while, for whoever asks next.
 */
export class QueryThreads implements AsyncDisposable {
  readonly #alarm = new Alarm(systemClock, () => void this.#closeIdle());
  #idle: QueryThread | undefined;
  /** Threads with a query. */
  readonly #busy = new Set<QueryThread>();
  /** Those of them whose query is overdue. */
  readonly #overdue = new Set<QueryThread>();
  #isClosed = false;

  /**
   * Runs one query.
   *
   * @throws The signal's reason if it is aborted first.
   */
  async run({ timeoutMs, ...job }: BoundedQuery, signal: AbortSignal): Promise<QueryAnswer> {
    signal.throwIfAborted();
    const thread = this.#idle ?? new QueryThread();
    this.#idle = undefined;
    const over = new AbortController();
    const late = delay(timeoutMs, AbortSignal.any([over.signal, signal])).then(() => LATE, () => LATE);
    let hasAnswered = false;
    const answered = thread.ask(job);
    answered.then(() => {
      hasAnswered = true;
      this.#release(thread);
    });
    this.#busy.add(thread);
    try {
      const answer = await Promise.race([answered, late]);
      signal.throwIfAborted();
      return answer;
    } finally {
      over.abort();
      if (!hasAnswered) {
        this.#overdue.add(thread);
        thread.stop();
      }
    }
  }

  /** Queries that nobody waits for any more, and that still run. */
  get overdueCount(): number {
    return this.#overdue.size;
  }

  /** Closes threads; queries under way are given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#alarm[Symbol.dispose]();
    await Promise.all([...this.#busy].map((thread) => thread[Symbol.asyncDispose]()));
    await this.#closeIdle();
  }

  #release(thread: QueryThread): void {
    this.#busy.delete(thread);
    this.#overdue.delete(thread);
    if (this.#isClosed) return;
    if (thread.hasFailed || this.#idle) return void thread[Symbol.asyncDispose]();
    this.#idle = thread;
    this.#alarm.arm(systemClock.monotonicMs() + IDLE_MS);
  }

  async #closeIdle(): Promise<void> {
    const thread = this.#idle;
    this.#idle = undefined;
    await thread?.[Symbol.asyncDispose]();
  }
}

/** One thread, and who waits for its answer. */
class QueryThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #exited: Promise<void>;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  #hasFailed = false;
  #onAnswer: (answer: QueryAnswer) => void = () => {};

  constructor() {
    const { port1, port2 } = new MessageChannel();
    const start: QueryThreadStart = { wasm: sqliteWasm(), port: port2, stop: this.#stop };
    this.#port = port1;
    port1.on("message", (answer: QueryAnswer) => this.#onAnswer(answer));
    this.#worker = new Worker(sqlWorkerUrl(), {
      name: "weft-sql",
      workerData: start,
      transferList: [start.wasm.buffer, port2],
    });
    this.#exited = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
    this.#worker.on("error", (error: Error) => {
      this.#hasFailed = true;
      this.#onAnswer({ kind: "refused", why: error.message });
    });
  }

  /** Whether something went wrong that is not the query's fault alone. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** One question at a time. */
  ask(job: QueryJob): Promise<QueryAnswer> {
    const { promise, resolve } = Promise.withResolvers<QueryAnswer>();
    this.#onAnswer = resolve;
    Atomics.store(this.#stop, 0, 0);
    this.#port.postMessage(job, [job.image.buffer]);
    return promise;
  }

  /** Nobody waits for the answer any more: it comes soon, and says anything. */
  stop(): void {
    Atomics.store(this.#stop, 0, 1);
  }

  /** Ends the thread as soon as it has nothing to do. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#worker.terminate();
    await this.#exited;
    this.#port.close();
  }
}
