/**
 * The worker that runs one query: opens the image, steps through the rows until a limit, answers and ends.
 *
 * It is a thread of its own because SQLite in WebAssembly cannot be interrupted: a query that takes too long, also one
 * that never gives a row, ends with its thread. `sql_query.ts` is its other end.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import initSqlJs from "sql.js";
import type { QueryAnswer, QueryCell, QueryJob } from "./sql_query.ts";

/** SQLite's own memory for one query: what it sorts, joins and builds; bytes. The image is not in it. */
const HEAP_BYTES_MAX = 64 << 20;

/** Rough size of a cell that is no text or blob, as it travels; bytes. */
const CELL_BYTES = 12;

/** The part of sql.js that is used; the package ships no types. */
interface Library {
  readonly Database: new (image: Uint8Array) => {
    exec(sql: string): unknown;
    prepare(sql: string): {
      bind(values: Readonly<Record<string, QueryCell>>): boolean;
      step(): boolean;
      get(values: null, options: { readonly useBigInt: boolean }): QueryCell[];
      getColumnNames(): string[];
    };
  };
}

const PRAGMAS_SQL = [
  `PRAGMA hard_heap_limit = ${HEAP_BYTES_MAX}`,
  "PRAGMA query_only = on",
  "PRAGMA temp_store = memory",
  "PRAGMA trusted_schema = off",
  "PRAGMA cell_size_check = on",
].join(";\n");

async function answer(job: QueryJob): Promise<QueryAnswer> {
  try {
    const options = { useOldExtensionFunctions: false, wasmBinary: job.wasm };
    const library: Library = await initSqlJs(options);
    const database = new library.Database(job.image);
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
    return { kind: "refused", why: error instanceof Error ? error.message : String(error) };
  }
}

function cellBytes(cell: QueryCell): number {
  if (typeof cell === "string") return CELL_BYTES + 3 * cell.length;
  return cell instanceof Uint8Array ? CELL_BYTES + cell.length : CELL_BYTES;
}

const job: QueryJob = workerData;
parentPort?.postMessage(await answer(job));
