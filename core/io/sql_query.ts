/**
 * One query against a copy of a database, in a thread that ends with its time: see `sql_query_worker.ts`.
 *
 * @module
 */
import { Worker } from "node:worker_threads";
import { delay } from "./alarm.ts";
import { sqliteWasm, sqlWorkerUrl } from "./assets.ts";

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
  /** From the start of the thread to its answer. */
  readonly timeoutMs: number;
}

/** The same as the thread gets it. */
export interface QueryJob extends Omit<BoundedQuery, "timeoutMs"> {
  readonly wasm: Uint8Array<ArrayBuffer>;
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

/**
 * Runs the query; resolves when its thread is gone.
 *
 * @throws The signal's reason if it is aborted first.
 */
export async function runBoundedQuery(query: BoundedQuery, signal: AbortSignal): Promise<QueryAnswer> {
  signal.throwIfAborted();
  const { timeoutMs, ...rest } = query;
  const job: QueryJob = { ...rest, wasm: sqliteWasm() };
  const worker = new Worker(sqlWorkerUrl(), {
    name: "weft-sql",
    workerData: job,
    transferList: [job.image.buffer, job.wasm.buffer],
  });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const { promise, resolve } = Promise.withResolvers<QueryAnswer>();
  worker.once("message", resolve);
  worker.once("error", (error: Error) => resolve({ kind: "refused", why: error.message }));
  const over = new AbortController();
  delay(timeoutMs, AbortSignal.any([over.signal, signal])).then(
    () => resolve({ kind: "late" }),
    () => signal.aborted && resolve({ kind: "late" }),
  );
  try {
    const answer = await promise;
    signal.throwIfAborted();
    return answer;
  } finally {
    over.abort();
    await worker.terminate();
    await exited;
  }
}
