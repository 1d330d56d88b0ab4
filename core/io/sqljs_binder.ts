/**
 * Binds parameters of statements of sql.js through what the library exports of SQLite itself (sqlite3_bind_*).
 *
 * Its own way takes memory for each text, fills it character by character, binds it and gives it back: half of what a small
 * write costs. Here all texts of one run go into one buffer that is kept, and from there into the machine's memory by one
 * copy; SQLite is told that they stay where they are (SQLITE_STATIC) until the statement is reset. What is UTF-8 already,
 * as in a log entry, never becomes a string.
 *
 * @module
 */
import { type SqlArgument, type SqlArguments, SqlError, SqlText } from "../seams/sql_database.ts";

/** What sql.js exports of SQLite and of the machine's memory. Pointers are numbers, 0 is none. */
export interface BindingLibrary {
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  writeArrayToMemory(bytes: Uint8Array, pointer: number): void;
  UTF8ToString(pointer: number): string;
  _sqlite3_sql(statement: number): number;
  _sqlite3_reset(statement: number): number;
  _sqlite3_bind_text(statement: number, place: number, text: number, bytes: number, destructor: number): number;
  _sqlite3_bind_blob(statement: number, place: number, blob: number, bytes: number, destructor: number): number;
  _sqlite3_bind_int(statement: number, place: number, value: number): number;
  _sqlite3_bind_double(statement: number, place: number, value: number): number;
}

/** SQLITE_STATIC: what is bound stays until it is no longer needed. */
const STATIC = 0;
/** A buffer of this size is there from the start. */
const BUFFER_BYTES = 16 << 10;
/** A larger one, which some run has needed, is kept up to this size. */
const BUFFER_KEPT_BYTES_MAX = 1 << 20;
/** UTF-8 of a UTF-16 unit. */
const BYTES_PER_UNIT_MAX = 3;
/** Shorter texts are encoded faster by hand. */
const ENCODED_UNITS_MIN = 16;
const ASCII_END = 0x80;

/** One buffer for all databases of a library: nothing else runs while a statement does. */
export class SqlBinder {
  readonly #library: BindingLibrary;
  readonly #encoder = new TextEncoder();
  /** What goes to the same places at {@linkcode SqlBinder.#pointer}. */
  #buffer = new Uint8Array(0);
  #pointer = 0;
  #used = 0;

  constructor(library: BindingLibrary) {
    this.#library = library;
  }

  /**
   * Binds the parameters `names`, which are all of the statement's in its order. What is bound holds until the next call, of
   * any statement.
   *
   * @returns False if SQLite refused one; why is in the database's error message.
   * @throws {SqlError} If one is missing, or is a number that is not a safe integer.
   * @throws {Error} If there is no memory.
   */
  bind(statement: number, names: readonly string[], values: SqlArguments): boolean {
    this.#reserve(names, values);
    let isBound = true;
    let place = 0;
    for (const name of names) isBound = this.#bindOne(statement, ++place, argument(values, name)) && isBound;
    if (this.#used > 0) this.#library.writeArrayToMemory(this.#buffer.subarray(0, this.#used), this.#pointer);
    return isBound;
  }

  #bindOne(statement: number, place: number, value: SqlArgument): boolean {
    const library = this.#library;
    if (value instanceof SqlText) return this.#bindText(statement, place, this.#put(value.utf8));
    if (typeof value === "string") return this.#bindText(statement, place, this.#encode(value));
    if (typeof value === "number") {
      if (value === (value | 0)) return library._sqlite3_bind_int(statement, place, value) === 0;
      return library._sqlite3_bind_double(statement, place, value) === 0;
    }
    if (value === null) return library._sqlite3_bind_blob(statement, place, 0, 0, STATIC) === 0;
    const bytes = this.#put(value);
    const start = this.#pointer + this.#used - bytes;
    return library._sqlite3_bind_blob(statement, place, start, bytes, STATIC) === 0;
  }

  /** Binds the last `bytes` of the buffer. */
  #bindText(statement: number, place: number, bytes: number): boolean {
    const start = this.#pointer + this.#used - bytes;
    return this.#library._sqlite3_bind_text(statement, place, start, bytes, STATIC) === 0;
  }

  /** Returns how many bytes were added. */
  #put(bytes: Uint8Array): number {
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
    return bytes.length;
  }

  #encode(text: string): number {
    const start = this.#used;
    if (text.length < ENCODED_UNITS_MIN) {
      let at = start;
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        if (unit >= ASCII_END) break;
        this.#buffer[at++] = unit;
      }
      if (at - start === text.length) {
        this.#used = at;
        return text.length;
      }
    }
    const { written } = this.#encoder.encodeInto(text, this.#buffer.subarray(start));
    this.#used = start + written;
    return written;
  }

  /** Empties the buffer, and makes room for all of `values` that have a length. */
  #reserve(names: readonly string[], values: SqlArguments): void {
    this.#used = 0;
    let bytes = 0;
    for (const name of names) {
      const value = argument(values, name);
      if (typeof value === "string") bytes += value.length * BYTES_PER_UNIT_MAX;
      else if (value instanceof SqlText) bytes += value.utf8.length;
      else if (value instanceof Uint8Array) bytes += value.length;
    }
    const isTooLarge = this.#buffer.length > BUFFER_KEPT_BYTES_MAX && bytes <= BUFFER_KEPT_BYTES_MAX;
    if (bytes <= this.#buffer.length && !isTooLarge && this.#pointer !== 0) return;
    this.#library._free(this.#pointer);
    this.#buffer = new Uint8Array(Math.max(bytes, BUFFER_BYTES));
    this.#pointer = this.#library._malloc(this.#buffer.length);
    if (this.#pointer === 0) throw new Error("out of memory");
  }
}

function argument(values: SqlArguments, name: string): SqlArgument {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) throw new SqlError(`parameter is missing: ${name}`);
  // SQLite's integers have 64 bits; beyond 2^53 a number would silently be another one.
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new SqlError("number is not an integer within 53 bits");
  }
  return value;
}

/**
 * How to find SQLite's pointer in a statement of sql.js, whose own fields have names that no version promises: it is the number
 * that differs between two statements, and SQLite knows the text behind it.
 *
 * @throws {Error} If this version keeps it elsewhere.
 */
export function findStatementPointer(
  library: BindingLibrary,
  [a, b]: readonly [object, object],
  sqlOfA: string,
): (statement: object) => number {
  const numbers = new Map(Object.entries(b).filter(([, value]) => typeof value === "number"));
  const differing = Object.entries(a).filter(([key, value]) =>
    typeof value === "number" && numbers.has(key) && numbers.get(key) !== value
  );
  const [found] = differing;
  if (found && differing.length === 1 && library.UTF8ToString(library._sqlite3_sql(found[1])) === sqlOfA) {
    const [key] = found;
    return (statement) => Number(Reflect.get(statement, key));
  }
  throw new Error("sql.js is not of the version that this program was made for");
}
