/**
 * Files that the program opens at run time besides its own module: the workers of the data plane and of queries,
 * and SQLite's WebAssembly.
 *
 * From source they lie where the repository and the package cache have them. `compile.sh` puts them beside the bundled
 * program, in both forms that it builds.
 *
 * @module
 */

/** A bundle is one module with one address; only from source does this module keep its own. */
const FROM_SOURCE = import.meta.url.endsWith("/core/io/assets.ts");

/** Where the data-plane worker's module is, for `new Worker`. */
export function workerUrl(): URL {
  return new URL(FROM_SOURCE ? "../dataplane/worker.ts" : "./worker.js", import.meta.url);
}

/** Where the module of the thread for queries is, for `new Worker`. */
export function sqlWorkerUrl(): URL {
  return new URL(FROM_SOURCE ? "./sql_query_worker.ts" : "./sql_worker.js", import.meta.url);
}

/**
 * SQLite compiled to WebAssembly, for sql.js' `wasmBinary`. Reads the file at each call.
 *
 * @throws {Deno.errors.NotFound} If the installation is incomplete.
 */
export function sqliteWasm(): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(
    new URL(FROM_SOURCE ? import.meta.resolve("sql.js/dist/sql-wasm.wasm") : "./sql-wasm.wasm", import.meta.url),
  );
}
