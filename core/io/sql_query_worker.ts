/**
 * The worker that runs queries, one after the other: opens the image, steps through the rows until a limit, answers.
 *
 * It is a thread of its own because a query may take long, and of the lowest priority because the mesh goes first.
 * `sql_query.ts` is its other end, and says when nobody waits for the answer any more.
 *
 * @module
 */
import { workerData } from "node:worker_threads";
import initSqlJs from "sql.js";
import { openLibc } from "./libc_ffi.ts";
import type { QueryAnswer, QueryCell, QueryJob, QueryThreadStart } from "./sql_query.ts";
import { type InterruptibleDatabase, type InterruptibleLibrary, SqlInterrupt } from "./sqljs_interrupt.ts";

/** SQLite's own memory for one query: what it sorts, joins and builds; bytes. The image is not in it. */
const HEAP_BYTES_MAX = 64 << 20;

const PRIO_PROCESS = 0;
const THIS_THREAD = 0;
const LOWEST_PRIORITY = 19;

/** Rough size of a cell that is no text or blob, as it travels; bytes. */
const CELL_BYTES = 12;

/** The part of sql.js that is used; the package ships no types. */
interface Library extends InterruptibleLibrary {
  readonly Database: new (image?: Uint8Array) => InterruptibleDatabase & {
    prepare(sql: string): {
      bind(values: Readonly<Record<string, QueryCell>>): boolean;
      step(): boolean;
      get(values: null, options: { readonly useBigInt: boolean }): QueryCell[];
      getColumnNames(): string[];
    };
  };
}

/** The library, and what stops it. */
interface Engine {
  readonly library: Library;
  readonly interrupt: SqlInterrupt;
}

const PRAGMAS_SQL = [
  `PRAGMA hard_heap_limit = ${HEAP_BYTES_MAX}`,
  "PRAGMA query_only = on",
  "PRAGMA temp_store = memory",
  "PRAGMA trusted_schema = off",
  "PRAGMA cell_size_check = on",
].join(";\n");

function answer({ library, interrupt }: Engine, job: QueryJob): QueryAnswer {
  let database: InstanceType<Library["Database"]> | undefined;
  try {
    database = new library.Database(job.image);
    interrupt.watch(database);
    database.exec(PRAGMAS_SQL);
    const statement = database.prepare(job.sql);
    statement.bind(Object.fromEntries(Object.entries(job.parameters).map(([name, value]) => [`:${name}`, value])));
    const rows: QueryCell[][] = [];
    let bytes = 0;
    let truncated: "" | "rows" | "bytes" = "";
    while (statement.step()) {
      if (rows.length === job.rowCountMax) {
        truncated = "rows";
        break;
      }
      const row = statement.get(null, { useBigInt: true });
      bytes += row.reduce((sum: number, cell) => sum + cellBytes(cell), 0);
      if (bytes > job.bytesMax) {
        truncated = "bytes";
        break;
      }
      rows.push(row);
    }
    return { kind: "rows", columns: statement.getColumnNames(), rows, truncated };
  } catch (error) {
    // What is left of the library after a trap is of no use to anybody.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    return { kind: "refused", why: error instanceof Error ? error.message : String(error) };
  } finally {
    database?.close();
  }
}

function cellBytes(cell: QueryCell): number {
  if (typeof cell === "string") return CELL_BYTES + 3 * cell.length;
  return cell instanceof Uint8Array ? CELL_BYTES + cell.length : CELL_BYTES;
}

/** On Linux a priority is a thread's own. Who may not change it goes on as it is. */
function giveWay(): void {
  const libc = openLibc({
    // int setpriority(int which, id_t who, int prio);
    setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
  });
  libc.symbols.setpriority(PRIO_PROCESS, THIS_THREAD, LOWEST_PRIORITY);
  libc.close();
}

giveWay();
const { wasm, port, stop }: QueryThreadStart = workerData;
const engine = initSqlJs({ useOldExtensionFunctions: false, wasmBinary: wasm }).then((library: Library): Engine => {
  return { library, interrupt: new SqlInterrupt(library, () => Atomics.load(stop, 0) !== 0) };
});
port.on("message", async (job: QueryJob) => port.postMessage(answer(await engine, job)));
