/**
 * SQLite as WebAssembly (npm:sql.js) behind the seam of `core/seams/sql_database.ts`.
 *
 * Statements are prepared once per SQL text and kept, because preparing costs ten times as much as running. Versions
 * before 1.15.2 are unfit: their `export` drops statements and pragmas. An integer parameter beyond 32 bits reaches SQLite
 * as a REAL of the same value: INTEGER columns and comparisons take it as it is meant, `CAST(… AS TEXT)` would not.
 *
 * @module
 */
import initSqlJs from "sql.js";
import {
  type SqlArguments,
  type SqlDatabase,
  type SqlEngine,
  SqlError,
  type SqlRows,
  type SqlValue,
} from "../seams/sql_database.ts";
import { isReadOnlyStatement } from "../state/determinism.ts";
import { isWord, parameterNames, sqlStatements, type SqlToken, sqlTokens } from "../state/sql_tokens.ts";
import { type BindingLibrary, findStatementPointer, SqlBinder } from "./sqljs_binder.ts";

/** SQL texts whose statements one database keeps prepared; the one used longest ago goes first. */
export const PREPARED_TEXT_COUNT_MAX = 128;
/** From so many on, it is kept in mind which text was used last. */
const ORDERED_FROM_COUNT = PREPARED_TEXT_COUNT_MAX / 2;

/** The part of sql.js that is used; the package ships no types. */
interface Library extends BindingLibrary {
  readonly Database: new (image?: Uint8Array) => LibraryDatabase;
}

interface LibraryDatabase {
  prepare(sql: string): LibraryStatement;
  /** Throws SQLite's last message unless `code` is 0. */
  handleError(code: number): null;
  getRowsModified(): number;
  export(): Uint8Array;
  close(): void;
}

interface LibraryStatement {
  step(): boolean;
  get(): SqlValue[];
  getColumnNames(): string[];
  getSQL(): string;
  free(): boolean;
}

/** The database can no longer be trusted or used: out of memory, damaged image, misuse. Restart from a snapshot. */
export class SqlFatalError extends Error {
  override readonly name = "SqlFatalError";
}

/**
 * Loads the library; a process loads it once and later calls get the same.
 *
 * @param wasm The bytes of `sql-wasm.wasm`, for programs that embed it; otherwise it is read from the package.
 */
export async function loadSqlEngine(wasm?: Uint8Array): Promise<SqlEngine> {
  // SQLite's own functions only: sql.js would add a C library of its choice.
  const options = { useOldExtensionFunctions: false };
  const library: Library = await initSqlJs(wasm ? { ...options, wasmBinary: wasm } : options);
  const parts: Parts = { library, binder: new SqlBinder(library), pointerOf: pointerFinder(library) };
  using probe = openDatabase(parts, undefined);
  const version = probe.run("SELECT sqlite_version()").rows[0]?.[0];
  return {
    version: String(version),
    open: (image) => openDatabase(parts, image),
  };
}

/** What all databases share. */
interface Parts {
  readonly library: Library;
  readonly binder: SqlBinder;
  readonly pointerOf: (statement: LibraryStatement) => number;
}

function pointerFinder(library: Library): Parts["pointerOf"] {
  const database = new library.Database();
  try {
    const sql = "SELECT 1";
    return findStatementPointer(library, [database.prepare(sql), database.prepare("SELECT 2")], sql);
  } finally {
    database.close();
  }
}

function openDatabase(parts: Parts, image: Uint8Array | undefined): SqlDatabase {
  try {
    return new SqlJsDatabase(parts, new parts.library.Database(image));
  } catch (error) {
    throw fatalError(error);
  }
}

/** One statement kept prepared. */
interface Prepared {
  readonly statement: LibraryStatement;
  /** SQLite's own. */
  readonly pointer: number;
  /** In SQLite's order. */
  readonly parameters: readonly string[];
  readonly returnsRows: boolean;
  /** True if it is an INSERT, UPDATE or DELETE, whose changes count. */
  readonly writes: boolean;
}

/** The statements of one text; a statement is prepared when those before it have run, because it may need them. */
interface PreparedText {
  readonly statements: Prepared[];
  /** What is not prepared yet. */
  rest: string;
}

class SqlJsDatabase implements SqlDatabase {
  readonly #parts: Parts;
  readonly #database: LibraryDatabase;
  readonly #texts = new Map<string, PreparedText>();
  #changes = 0;

  constructor(parts: Parts, database: LibraryDatabase) {
    this.#parts = parts;
    this.#database = database;
  }

  run(sql: string, parameters: SqlArguments = {}): SqlRows {
    this.#changes = 0;
    const text = this.#recall(sql) ?? this.#remember(sql);
    try {
      return this.#runText(text, parameters);
    } catch (error) {
      throw engineError(error);
    }
  }

  changes(): number {
    return this.#changes;
  }

  export(): Uint8Array {
    try {
      return this.#database.export();
    } catch (error) {
      throw fatalError(error);
    }
  }

  [Symbol.dispose](): void {
    this.#texts.clear();
    this.#database.close();
  }

  /** Finds the text, which thereby becomes the one used last. */
  #recall(sql: string): PreparedText | undefined {
    const text = this.#texts.get(sql);
    // While there is much room, the order does not matter yet.
    if (text && this.#texts.size > ORDERED_FROM_COUNT) {
      this.#texts.delete(sql);
      this.#texts.set(sql, text);
    }
    return text;
  }

  #remember(sql: string): PreparedText {
    if (sql.includes("\0")) throw new SqlError("SQL text cannot be read");
    const [oldest] = this.#texts;
    if (oldest && this.#texts.size >= PREPARED_TEXT_COUNT_MAX) this.#forget(...oldest);
    const text: PreparedText = { statements: [], rest: sql };
    this.#texts.set(sql, text);
    return text;
  }

  #forget(sql: string, text: PreparedText): void {
    this.#texts.delete(sql);
    for (const prepared of text.statements) prepared.statement.free();
  }

  #runText(text: PreparedText, parameters: SqlArguments): SqlRows {
    let rows = NO_ROWS;
    for (let index = 0;; index++) {
      const prepared = text.statements[index] ?? this.#prepareNext(text);
      if (!prepared) return rows;
      rows = this.#runOne(prepared, parameters) ?? rows;
    }
  }

  #prepareNext(text: PreparedText): Prepared | undefined {
    if (text.rest === "") return undefined;
    const statement = prepareFirst(this.#database, text.rest);
    if (!statement) {
      text.rest = "";
      return undefined;
    }
    const sql = statement.getSQL();
    const prepared = describe(statement, this.#parts.pointerOf(statement), sql);
    text.statements.push(prepared);
    text.rest = text.rest.slice(sql.length);
    return prepared;
  }

  #runOne(prepared: Prepared, parameters: SqlArguments): SqlRows | undefined {
    const { statement, pointer } = prepared;
    const { binder, library } = this.#parts;
    try {
      if (prepared.parameters.length > 0 && !binder.bind(pointer, prepared.parameters, parameters)) {
        this.#database.handleError(SQLITE_ERROR);
      }
      const rows: SqlValue[][] = [];
      while (statement.step()) rows.push(statement.get().map(checked));
      if (prepared.writes) this.#changes += this.#database.getRowsModified();
      return prepared.returnsRows ? { columns: statement.getColumnNames(), rows } : undefined;
    } finally {
      library._sqlite3_reset(pointer);
    }
  }
}

/** Any code that is an error. */
const SQLITE_ERROR = 1;

const NO_ROWS: SqlRows = { columns: [], rows: [] };

/** The first statement of `sql`; `undefined` if there are only spaces, comments and semicolons. */
function prepareFirst(database: LibraryDatabase, sql: string): LibraryStatement | undefined {
  try {
    return database.prepare(sql);
  } catch (error) {
    if (error === "Nothing to prepare") return undefined;
    throw error;
  }
}

function describe(statement: LibraryStatement, pointer: number, sql: string): Prepared {
  const tokens = sqlStatements(sqlTokens(sql) ?? [])[0];
  if (!tokens) {
    statement.free();
    throw new SqlError("SQL text cannot be read");
  }
  return {
    statement,
    pointer,
    parameters: parameterNames(tokens),
    returnsRows: statement.getColumnNames().length > 0,
    writes: isWrite(tokens),
  };
}

function isWrite(tokens: readonly SqlToken[]): boolean {
  return WRITE_WORDS.some((word) => isWord(tokens[0], word)) ||
    (isWord(tokens[0], "with") && !isReadOnlyStatement(tokens));
}

const WRITE_WORDS: readonly string[] = ["insert", "update", "delete", "replace"];

/** SQLite's integers have 64 bits; beyond 2^53 a number would silently be another one. */
function checked(value: SqlValue): SqlValue {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new SqlError("number is not an integer within 53 bits");
  }
  return value;
}

/** What SQLite says when the fault is not the statement's. */
const FATAL_MESSAGES: ReadonlySet<string> = new Set([
  "attempt to write a readonly database",
  "bad parameter or other API misuse",
  "database disk image is malformed",
  "database is locked",
  "database or disk is full",
  "database schema is locked: main",
  "database table is locked",
  "disk I/O error",
  "file is not a database",
  "interrupted",
  "out of memory",
  "unable to open database file",
]);

/** sql.js throws plain errors with SQLite's message; anything else comes from the WebAssembly machine or from misuse. */
function engineError(error: unknown): Error {
  if (error instanceof SqlError) return error;
  const isMessage = error instanceof Error && error.constructor === Error;
  return isMessage && !FATAL_MESSAGES.has(error.message) ? new SqlError(error.message) : fatalError(error);
}

function fatalError(error: unknown): SqlFatalError {
  const message = error instanceof Error ? error.message : String(error);
  return new SqlFatalError(`SQLite failed: ${message}`, { cause: error });
}
