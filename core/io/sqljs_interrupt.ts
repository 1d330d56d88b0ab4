/**
 * Ends statements of sql.js that take too long.
 *
 * SQLite has a call for it (sqlite3_progress_handler): a function that it asks, every so many instructions of its machine,
 * whether to go on. sql.js does not export that call, but everything else: a way to make a function callable for SQLite, and
 * to write into its memory, where the call would have put three fields into the record of the database. So these are written
 * here. Where they lie belongs to one version of SQLite, compiled for 32 bits with one set of options; another version is
 * refused, and each copy of the library must prove once that it lets itself be stopped.
 *
 * Leaves out: a single instruction that takes long, such as `instr` on texts of many megabytes. It ends by itself, because
 * memory is limited.
 *
 * @module
 */

/** The part of sql.js that is used; the package ships no types. */
export interface InterruptibleLibrary {
  readonly Database: new () => InterruptibleDatabase;
  addFunction(call: () => number, signature: string): number;
  writeArrayToMemory(bytes: Uint8Array, pointer: number): void;
}

/** A database of sql.js. */
export interface InterruptibleDatabase {
  /** Address of SQLite's record of it. */
  readonly db: number;
  exec(sql: string): readonly { readonly values: readonly (readonly unknown[])[] }[];
  close(): void;
}

/** The version whose records are known: that of sql.js 1.16.0. */
export const KNOWN_SQLITE_VERSION = "3.54.1";
/** Instructions between two looks: a few hundred microseconds. */
export const LOOK_INSTRUCTIONS = 10_000;

/** In the record of a database: the function, what it is given, and the instructions between two calls; u32 each. */
const HANDLER_OFFSET = 380;
/** Takes a pointer and returns an integer. */
const HANDLER_SIGNATURE = "ii";
/** Takes about a million instructions, if nothing stops it. */
const PROBE_SQL =
  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT count(*) FROM n";

/** Watches the statements of one copy of the library. */
export class SqlInterrupt {
  readonly #library: InterruptibleLibrary;
  readonly #handler: Uint8Array;
  #isAsked = false;

  /**
   * @param mustStop Asked while a statement runs; if true, the statement fails with "interrupted".
   * @throws {Error} If this copy of the library cannot be stopped.
   */
  constructor(library: InterruptibleLibrary, mustStop: () => boolean) {
    this.#library = library;
    let isProbing = true;
    const call = library.addFunction(() => {
      this.#isAsked = true;
      return isProbing || mustStop() ? 1 : 0;
    }, HANDLER_SIGNATURE);
    this.#handler = new Uint8Array(12);
    const view = new DataView(this.#handler.buffer);
    view.setUint32(0, call, true);
    view.setUint32(8, LOOK_INSTRUCTIONS, true);
    this.#probe();
    isProbing = false;
  }

  /** From now on the statements of `database` can be stopped. */
  watch({ db }: InterruptibleDatabase): void {
    this.#library.writeArrayToMemory(this.#handler, db + HANDLER_OFFSET);
  }

  #probe(): void {
    const database = new this.#library.Database();
    try {
      const version = database.exec("SELECT sqlite_version()")[0]?.values[0]?.[0];
      if (version !== KNOWN_SQLITE_VERSION) {
        throw new Error(`SQLite ${version} cannot be stopped: its records are unknown`);
      }
      this.watch(database);
      if (isStopped(database) && this.#isAsked) return;
      throw new Error("SQLite cannot be stopped: it does not ask whether to go on");
    } finally {
      database.close();
    }
  }
}

function isStopped(database: InterruptibleDatabase): boolean {
  try {
    database.exec(PROBE_SQL);
    return false;
  } catch (error) {
    return error instanceof Error && error.message === "interrupted";
  }
}
